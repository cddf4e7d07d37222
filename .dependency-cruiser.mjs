/** Imports go one way: contracts <- core <- db, queue, storage <- apps. `docs/architecture.md` has the picture. */
const pure = ['contracts', 'random', 'safetensors', 'evaluation']
const only = (name, allowed) => ({
  name: `${name}-imports`,
  comment: `packages/${name} may import only: ${allowed.join(', ') || 'no other package'}. Move the code, or pass the value down.`,
  severity: 'error',
  from: { path: `^packages/${name}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^(packages|apps)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
})
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Split the file so that the arrow goes one way.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    only('contracts', []),
    only('random', []),
    only('safetensors', []),
    only('config', ['contracts']),
    only('log', []),
    only('postgres', []),
    only('trace', []),
    only('s3-endpoint', []),
    only('tensorflow', ['contracts']),
    only('graph-step', ['tensorflow']),
    only('evaluation', ['contracts', 'random']),
    only('core', pure),
    only('db', [...pure, 'core']),
    only('queue', [...pure, 'core']),
    only('storage', [...pure, 'core']),
    only('backup', [...pure, 'core', 'db', 'storage']),
    only('telemetry', [...pure, 'config', 'core', 'db', 'log', 'queue', 'trace']),
    only('bundle', ['contracts']),
    only('dataset', ['contracts', 'random']),
    only('trainer', [...pure, 'graph-step', 'tensorflow']),
    {
      name: 'apps-stand-alone',
      comment: 'Apps never import apps; only the cli joins them, for `baton up` and `baton worker`.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/cli/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'testing-is-for-tests',
      comment: 'Only tests import packages/testing.',
      severity: 'error',
      from: { pathNot: '(\\.test\\.ts$|^test/|^packages/testing/)' },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'front-door',
      comment:
        'Import a package by its name; its index.ts names what it offers. A bundle of several threads gives each all of an index.ts that any takes much of: a small thread takes assertNever by a door of its own.',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: {
        path: '^(packages|apps)/([^/]+)/src/(?!index\\.ts)',
        pathNot: ['^$1/$2/', '^packages/contracts/src/assert-never\\.ts$'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(dist|generated)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
