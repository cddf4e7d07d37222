import { z } from 'zod'
import { LabelGroup } from '../dataset.ts'
import type { AddFault } from './parts.ts'

/**
 * The label groups that the model learns, is scored on and predicts; null: all of the dataset's. Folds are split by all
 * labels, so that those of a specialised model are those of the others.
 */
export const LabelsSpec = z.array(LabelGroup.shape.name).min(1).max(16).nullable().default(null)

export function checkLabels(labels: readonly string[] | null, fault: AddFault): void {
  labels?.forEach((name, i) => {
    if (labels.indexOf(name) !== i) fault([i], `label group "${name}" is listed twice`)
  })
}
