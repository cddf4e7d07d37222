import type { Precision, TrainingEnvironment } from '@baton/contracts'
import { isOnGpu } from '@baton/tensorflow'
import type { LoadedTensorflow } from '@baton/tensorflow'

/**
 * What decides the bytes of a training of this precision here. Steps that run eagerly have no precision but fp32, as
 * TensorFlow.js has no type for others.
 *
 * @param execution How its steps run: eagerly also where they were to be compiled, and a code bundle's cannot be.
 */
export function environmentOf(
  precision: Precision,
  { environment }: Pick<LoadedTensorflow, 'environment'>,
  execution = environment.execution,
): TrainingEnvironment {
  return { ...environment, execution, precision: execution === 'compiled' ? precision : 'fp32' }
}

/** GPUs of notebooks that are older than Ampere: TensorFlow computes bf16 in fp32 there, with casts around it. */
const withoutBf16 = /\b(?:T4|V100|P100|P4|K80)\b/

/** What somebody should know who asked for a precision that is not to be had here, or is slower; null: nothing. */
export function precisionWarning(precision: Precision, { tf, environment }: LoadedTensorflow): string | null {
  const { execution, device, oneDnn } = environment
  if (precision === 'fp32') return null
  if (execution === 'eager') return `trains in fp32, not ${precision}: steps that run eagerly have no other precision`
  if (isOnGpu(tf))
    return precision === 'bf16' && withoutBf16.test(device)
      ? `${device} does not compute in bf16, so training is no faster than in fp32; fp16 is what it has`
      : null
  if (precision === 'fp16') return 'fp16 is for GPUs: most CPUs take a hundred times as long as in fp32 and more'
  const isQuick = oneDnn && /\((?:amx|avx512)_bf16\)/.test(device)
  return isQuick
    ? null
    : `${device} does not compute in bf16${oneDnn ? '' : ' without oneDNN'}: training takes longer than in fp32`
}
