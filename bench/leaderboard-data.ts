import { parseSpec } from '@baton/contracts'
import pg from 'pg'

/** A spec as people write them, defaults filled in: what is stored, and so as large as it is. */
const spec = parseSpec({
  name: 'resnet-34 warm',
  dataset: 'photos@3',
  seed: 42,
  folds: { count: 10 },
  model: { name: 'resnet', width: 32, layers: [3, 4, 6] },
  image: { size: 224 },
  augment: [{ op: 'flip' }, { op: 'shift', pixels: 8 }],
  stages: [
    { name: 'head', train: 'head', epochs: 1, schedule: { name: 'constant', lr: 0.002 } },
    {
      name: 'all',
      epochs: 20,
      optimizer: { name: 'adamw', weightDecay: 0.05 },
      schedule: { name: 'cosine', lr: 0.006, warmupSteps: 500 },
      clipNorm: 10,
    },
  ],
})

/**
 * Writes a project `bench` of so many final experiments with their folds, by SQL: one by one over REST would take
 * longer than all the measuring. Scores scatter as real ones do, two of three have an LB, one of sixteen failed.
 */
export async function fillBoards(
  url: string,
  { experiments, foldsEach }: { experiments: number; foldsEach: number },
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SELECT setseed(0.42)')
    await client.query(
      `INSERT INTO project (id, slug, name, next_version) VALUES (${id('1')}, 'bench', 'Bench', ${experiments + 1})`,
    )
    await client.query(
      `INSERT INTO dataset_version (id, project_id, dataset, version, manifest, manifest_size, shards, samples_train, samples_test,
         size_bytes, label_groups) VALUES (${id('2')}, ${id('1')}, 'photos', 3, '${'a'.repeat(64)}', 1, '[]', 1000, 100, 1, '[]')`,
    )
    await client.query(
      `INSERT INTO experiment (id, project_id, version, name, status, spec, spec_digest, dataset_version_id, cv, cv_mean, cv_std,
         fold_min, fold_max, lb_public, lb_private, created_at, completed_at)
       SELECT ${id('to_hex(x.n + 16)')}, ${id('1')}, x.n, x.model || '-' || x.width || ' lr ' || x.lr, x.status,
         jsonb_set(jsonb_set($1::jsonb, '{model,name}', to_jsonb(x.model)), '{stages,0,schedule,lr}', to_jsonb(x.lr)),
         md5(x.n::text), ${id('2')}, x.cv, x.cv - 0.001 * x.noise, 0.01 * x.noise + 0.001, x.cv - 0.02 * x.noise, x.cv + 0.02 * x.noise,
         CASE WHEN x.n % 3 > 0 THEN x.cv - 0.02 * x.noise END, CASE WHEN x.n % 3 > 0 THEN x.cv - 0.03 * x.noise END,
         now() - make_interval(mins => ${experiments} - x.n), now() - make_interval(mins => ${experiments} - x.n) + interval '5 hours'
       FROM (
         SELECT n, (ARRAY['convnet', 'resnet', 'bundle'])[1 + floor(3 * random())] AS model, 16 * (1 + n % 4) AS width,
           (ARRAY[0.1, 0.05, 0.02, 0.01, 0.002])[1 + floor(5 * random())]::float8 AS lr, random() AS noise,
           CASE WHEN n % 16 = 0 THEN 'failed' ELSE 'completed' END AS status,
           CASE WHEN n % 16 > 0 THEN 0.5 + 0.08 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) END AS cv
         FROM generate_series(1, ${experiments}) AS n
       ) x`,
      [JSON.stringify(spec)],
    )
    await client.query(
      `INSERT INTO tally (experiment_id, project_id, version, attempts, interruptions, folds_total, folds_completed, session_seconds, gpu_seconds)
       SELECT x.id, x.project_id, x.version, ${foldsEach} + x.interruptions, x.interruptions, ${foldsEach}, ${foldsEach}, x.seconds,
         CASE WHEN x.version % 5 > 0 THEN x.seconds ELSE 0 END
       FROM (SELECT id, project_id, version, floor(8 * random())::int AS interruptions, 3600 * (2 + 30 * random()) AS seconds FROM experiment) x`,
    )
    await client.query(
      `INSERT INTO fold (id, experiment_id, index, status, pool, priority, fence, score, completed_at)
       SELECT ${id('to_hex(16 * (e.version + 16) + i)')}, e.id, i,
         CASE WHEN e.cv IS NULL THEN 'failed' ELSE 'completed' END, 'default', 0, 1, e.cv_mean + 0.02 * (random() - 0.5), e.completed_at
       FROM experiment e, generate_series(0, ${foldsEach - 1}) AS i`,
    )
    await client.query('VACUUM ANALYZE')
  } finally {
    await client.end()
  }
}

/** SQL of a UUID that ends in hex digits. */
function id(hex: string): string {
  return `('00000000-0000-7000-8000-' || lpad(${/^\d$/.test(hex) ? `'${hex}'` : hex}, 12, '0'))::uuid`
}
