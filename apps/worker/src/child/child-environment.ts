import { hugePages } from '@baton/tensorflow'

/** What a training may need of the environment: where programs and libraries are, and how they behave. */
const passed =
  /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|LD_PRELOAD|PYTHON\w*|VIRTUAL_ENV|CONDA_PREFIX|SSL_CERT_\w+|XDG_CACHE_HOME|(CUDA|NVIDIA|CUDNN|NCCL|TF|XLA|OMP|KMP|MKL|MALLOC|VIPS)_\w+)$/
/** `TF_VAR_db_password` is Terraform's. */
const heldBack = /^TF_VAR_|(TOKEN|KEY|SECRET|PASSWORD)$/i

/**
 * The environment of a training child. It names what passes instead of what does not: code from a bundle runs
 * there, and a token that somebody exported in the notebook is none of its business.
 *
 * @param threads Most threads that do one thing there.
 * @param gpu The one GPU that it sees, an entry of CUDA_VISIBLE_DEVICES; null: as the environment has it.
 */
export function childEnvironment(env: NodeJS.ProcessEnv, threads: number, gpu: string | null): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => passed.test(name) && !heldBack.test(name))
  return {
    // sharp decodes in libuv's threads.
    UV_THREADPOOL_SIZE: String(Math.max(4, threads)),
    ...hugePages,
    ...Object.fromEntries(kept),
    // Numbered as nvidia-smi lists them, which CUDA does only when asked.
    ...(gpu !== null && { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: gpu }),
  }
}
