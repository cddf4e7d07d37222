import { expect, test } from 'vitest'
import { childEnvironment } from './child-environment.ts'

test('what a training needs passes', () => {
  const env = {
    PATH: '/bin',
    LD_LIBRARY_PATH: '/usr/local/nvidia/lib64',
    CUDA_VISIBLE_DEVICES: '0',
    TF_ENABLE_ONEDNN_OPTS: '0',
  }
  expect(childEnvironment(env, 2)).toEqual({ ...env, UV_THREADPOOL_SIZE: '4' })
})

test('nothing else does, whatever it is called', () => {
  const secrets = {
    BATON_ENROLMENT_TOKEN: 'x',
    KAGGLE_KEY: 'x',
    TF_VAR_db_password: 'x',
    NVIDIA_API_KEY: 'x',
    NODE_OPTIONS: '--require ./evil.cjs',
  }
  expect(childEnvironment(secrets, 8)).toEqual({ UV_THREADPOOL_SIZE: '8' })
})
