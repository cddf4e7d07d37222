import { expect, test } from 'vitest'
import { childEnvironment } from './child-environment.ts'

const own = { UV_THREADPOOL_SIZE: '4', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }

test('what a training needs passes', () => {
  const env = {
    PATH: '/bin',
    LD_LIBRARY_PATH: '/usr/local/nvidia/lib64',
    CUDA_VISIBLE_DEVICES: '0',
    TF_ENABLE_ONEDNN_OPTS: '0',
  }
  expect(childEnvironment(env, 2, null)).toEqual({ ...env, ...own })
})

test('nothing else does, whatever it is called', () => {
  const secrets = {
    BATON_ENROLMENT_TOKEN: 'x',
    KAGGLE_KEY: 'x',
    TF_VAR_db_password: 'x',
    NVIDIA_API_KEY: 'x',
    NODE_OPTIONS: '--require ./evil.cjs',
  }
  expect(childEnvironment(secrets, 8, null)).toEqual({ ...own, UV_THREADPOOL_SIZE: '8' })
})

test('a training of several sees one GPU, whatever the environment shows', () => {
  const env = { CUDA_VISIBLE_DEVICES: '0,1', CUDA_DEVICE_ORDER: 'FASTEST_FIRST' }
  expect(childEnvironment(env, 4, '1')).toEqual({
    CUDA_VISIBLE_DEVICES: '1',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    ...own,
  })
})
