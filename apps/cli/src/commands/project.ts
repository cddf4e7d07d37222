import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { example, jsonOption, slugArgument } from './options.ts'

export function projectCommand(program: Command, io: Io): void {
  const project = program.command('project').description('Projects: what experiments are compared within.')
  project
    .command('create')
    .description('Creates a project: one competition or problem.')
    .argument('<project>', 'short name: lower-case letters, digits and inner hyphens', slugArgument)
    .option('--name <name>', 'name for people (default the short name)')
    .addOption(jsonOption())
    .addHelpText('after', example('baton project create imet --name "iMet Collection 2019"'))
    .action(async (slug: string, options: { name?: string; json?: boolean }) => {
      const { api } = await connect(io)
      const created = await api.createProject({ body: { slug, name: options.name ?? slug } })
      if (options.json) printJson(io, created)
      else io.out(`created project ${created.slug}`)
    })
  project
    .command('list')
    .description('Lists projects.')
    .addOption(jsonOption())
    .addHelpText('after', example('baton project list --json'))
    .action(async (options: { json?: boolean }) => {
      const { api } = await connect(io)
      const projects = await allPages(api.listProjects, {})
      printList(io, projects, {
        json: options.json,
        empty: 'there is no project yet; make one with `baton project create <name>`',
        columns: [
          { title: 'project', value: ({ slug }) => slug },
          { title: 'created', value: ({ createdAt }) => createdAt },
          { title: 'name', value: ({ name }) => name },
        ],
      })
    })
}
