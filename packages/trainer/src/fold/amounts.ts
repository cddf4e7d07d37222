import type { ExperimentSpec, LoopState, StageSpec } from '@baton/contracts'

/** What a training does less of at a time than its spec says, since it ran out of memory. */
export type Shrunk = Pick<LoopState, 'accumulate' | 'predictBatch'>

/** How much is done at a time: as the spec says, or less since memory ran out. */
export interface Amounts {
  /** Parts that a batch is done in. */
  readonly accumulate: number
  /** Pictures that are predicted at a time. */
  readonly predictBatch: number
}

export function amountsOf(
  { evaluate }: Pick<ExperimentSpec, 'evaluate'>,
  stage: Pick<StageSpec, 'accumulate'>,
  state: Shrunk,
): Amounts {
  return {
    accumulate: state.accumulate ?? stage.accumulate,
    predictBatch: state.predictBatch ?? evaluate.batch,
  }
}
