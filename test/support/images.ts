import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DockerfileParser } from 'dockerfile-ast'
import type { Instruction, PropertyInstruction } from 'dockerfile-ast'

/** What one target of docker/Dockerfile is: its own instructions and those of the stages it is made from. */
export interface Image {
  /** The image from outside that it stands on. */
  readonly base: string
  /** The program of its containers, as `node` and its arguments. */
  readonly command: readonly string[] | null
  /** The program that says with its exit code whether a container is well; null where the image says NONE. */
  readonly health: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly user: string | null
  readonly stopSignal: string | null
  /** Sources of `COPY` that come from the repository. */
  readonly fromContext: readonly string[]
  /** The stage that `node_modules` comes from. */
  readonly packages: string | null
  /** What `RUN` runs, in order. */
  readonly runs: readonly string[]
}

export const root = fileURLToPath(new URL('../..', import.meta.url))

interface Stage {
  readonly name: string
  readonly from: string
  readonly instructions: readonly Instruction[]
}

const stages = readStages(readFileSync(`${root}docker/Dockerfile`, 'utf8'))

function readStages(text: string): Map<string, Stage> {
  const found: (Stage & { instructions: Instruction[] })[] = []
  const file = DockerfileParser.parse(text)
  const names = file.getFROMs().map((from) => ({ name: from.getBuildStage(), from: from.getImage() }))
  for (const instruction of file.getInstructions())
    if (instruction.getKeyword() === 'FROM') {
      const { name, from } = names[found.length]!
      if (name === null || from === null) throw new Error(`line ${instruction.getRange().start.line + 1}: no name`)
      found.push({ name, from, instructions: [] })
    } else found.at(-1)?.instructions.push(instruction)
  return new Map(found.map((stage) => [stage.name, stage]))
}

/** Names of the stages, the images from outside that they stand on beside them. */
export const bases: readonly string[] = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from))

/** @throws {Error} where docker/Dockerfile has no such target */
export function imageOf(target: string): Image {
  const chain = chainOf(target)
  const all = chain.flatMap(({ instructions }) => instructions)
  const of = (keyword: string) => all.filter((instruction) => instruction.getKeyword() === keyword)
  const last = (keyword: string) => of(keyword).at(-1)
  const copies = of('COPY').map((copy) => copyOf(copy.getTextContent()))
  return {
    base: chain[0]!.from,
    command: stringsOf(last('CMD')),
    health: stringsOf(last('HEALTHCHECK')),
    env: propertiesOf(of('ENV')),
    labels: propertiesOf(of('LABEL')),
    user: last('USER')?.getArgumentsContent() ?? null,
    stopSignal: last('STOPSIGNAL')?.getArgumentsContent() ?? null,
    fromContext: copies.filter(({ from }) => from === null).flatMap(({ sources }) => sources),
    packages: copies.find(({ sources }) => sources.includes('/baton/node_modules'))?.from ?? null,
    runs: of('RUN').map((run) => run.getArgumentsContent() ?? ''),
  }
}

/** The target's stages, the first one first. */
function chainOf(target: string): Stage[] {
  const stage = stages.get(target)
  if (stage === undefined) throw new Error(`docker/Dockerfile has no target ${target}`)
  return stages.has(stage.from) ? [...chainOf(stage.from), stage] : [stage]
}

/** The strings of an instruction in its JSON form; null for one that is not there or says NONE. */
function stringsOf(instruction: Instruction | undefined): string[] | null {
  if (instruction === undefined || instruction.getArgumentsContent() === 'NONE') return null
  const json = /\[.*\]$/s.exec(instruction.getArgumentsContent() ?? '')?.[0]
  if (json === undefined) throw new Error(`${instruction.getKeyword()} runs a shell, which takes signals from node`)
  return JSON.parse(json) as string[]
}

function propertiesOf(instructions: readonly Instruction[]): Record<string, string> {
  const properties = instructions.flatMap((instruction) => (instruction as PropertyInstruction).getProperties())
  return Object.fromEntries(properties.map((property) => [property.getName(), property.getValue() ?? '']))
}

function copyOf(text: string): { from: string | null; sources: string[] } {
  const words = text.split(/\s+/).slice(1)
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null
  return { from, sources: words.filter((word) => !word.startsWith('--')).slice(0, -1) }
}
