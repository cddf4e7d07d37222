import { AppError, cellLabel, expandMatrix, isAppError } from '@baton/contracts'
import type { Cell, Matrix, MatrixSpec, Project } from '@baton/contracts'
import { insertExperiment, resolveSpec } from '../experiment/create-experiment.ts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'
import { getMatrix } from './get-matrix.ts'

/**
 * Accepts all experiments of a matrix in one transaction, or none of them: each is an experiment like any other, of one
 * number after the other. The first one's number names the matrix.
 *
 * @param accepted Called once they are written: their folds' offers go out while the answer is read, which waits for none.
 * @param input.id Names the request: a matrix that it made before is answered again, not made twice.
 * @throws {AppError} `not-found`; `spec-invalid` as `expandMatrix`, and where a cell names what is not there
 */
export async function createMatrix(
  { store, accepted = () => undefined }: { store: Store; accepted?: () => void },
  input: { project: string; spec: MatrixSpec; id?: string | null },
): Promise<Matrix> {
  const project = await findProject({ store }, input.project)
  const before = input.id ? await store.matrices.find(input.id) : null
  if (before !== null) return getMatrix({ store }, { project: project.slug, version: before })
  const cells = await resolveCells(store, project, expandMatrix(input.spec))
  const inOrder = input.spec.halving !== null
  const version = await store.transaction(async (tables) => {
    const inserted = []
    for (const { values, ...resolved } of cells)
      inserted.push({
        values,
        ...(await insertExperiment(tables, { id: null, parent: null, project, inOrder, ...resolved })),
      })
    const [first] = inserted
    await tables.matrices.insert({
      ...(input.id ? { id: input.id } : {}),
      projectId: project.id,
      version: first!.version,
      spec: input.spec,
      cells: inserted.map(({ id, values }) => ({ experimentId: id, values })),
    })
    return first!.version
  })
  accepted()
  return getMatrix({ store }, { project: project.slug, version })
}

/** Finds what the cells name. One fault is the same for many of them mostly, so the first cell's are thrown. */
async function resolveCells(store: Store, project: Project, cells: readonly Cell[]) {
  const resolved = []
  for (const { values, spec } of cells) {
    const found = await resolveSpec(store, project, spec).catch((error: unknown) => {
      if (!isAppError(error, 'spec-invalid')) throw error
      const where = `(where ${cellLabel(values)})`
      const faults = error.faults.map(({ pointer, detail }) => ({ pointer, detail: `${detail} ${where}` }))
      throw new AppError('spec-invalid', {}, { faults })
    })
    resolved.push({ values, ...found })
  }
  return resolved
}
