import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

export interface HeldFold {
  readonly foldId: string
  readonly token: string
}

/** A dataset that specs can name. Nobody trains on it: its objects are not there. */
export async function insertDataset(databaseUrl: string, project: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query(
      `INSERT INTO dataset_version (id, project_id, dataset, version, manifest, manifest_size, shards, samples_train,
         samples_test, size_bytes, label_groups)
       SELECT gen_random_uuid(), id, 'bench', 1, repeat('0', 64), 2, '[]', 1000, 100, 2, '[]' FROM project WHERE slug = $1`,
      [project],
    ),
  )
}

/** Waits until all that was accepted has left the outbox for the queue. */
export async function dispatched(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    while ((await client.query('SELECT 1 FROM outbox LIMIT 1')).rows.length > 0) await delay(20)
  })
}

/**
 * Copies a leased fold, with its experiment, session, token and attempt, so often: that many sessions at work, in
 * experiments of ten folds. Whole rows are copied, so it holds whatever columns they have.
 */
export async function insertHeldFolds(databaseUrl: string, foldId: string, count: number): Promise<HeldFold[]> {
  return withClient(databaseUrl, async (client) => {
    const copy = async (table: string, from: string, changes: string) => {
      const { rows } = await client.query<{ columns: string }>(
        `SELECT string_agg(quote_ident(column_name), ', ') AS columns FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`,
        [table],
      )
      const { columns } = rows[0]!
      await client.query(
        `INSERT INTO ${table} (${columns}) SELECT ${columns.replaceAll(/("?\w+"?)/g, 'copy.$1')} FROM ${from},
           jsonb_populate_record(NULL::${table}, to_jsonb(t) || jsonb_build_object(${changes})) AS copy`,
      )
    }
    await client.query('BEGIN')
    await client.query(
      `CREATE TEMP TABLE held ON COMMIT DROP AS SELECT n, gen_random_uuid() AS fold, gen_random_uuid() AS session,
         gen_random_uuid() AS token, 'bench_' || n || '_' || gen_random_uuid() AS secret FROM generate_series(0, ${count - 1}) n`,
    )
    await client.query(
      `CREATE TEMP TABLE tens ON COMMIT DROP AS SELECT n, gen_random_uuid() AS experiment FROM generate_series(0, ${Math.ceil(count / 10) - 1}) n`,
    )
    const of = `fold f JOIN experiment e ON e.id = f.experiment_id JOIN session s ON s.id = f.session_id
      JOIN attempt a ON a.fold_id = f.id AND a.fence = f.fence JOIN token k ON k.session_id = s.id`
    const one = (table: string) => `(SELECT ${table}.* FROM ${of} WHERE f.id = '${foldId}' LIMIT 1) t`
    const later = `'now'::timestamptz + interval '1 day'`
    await copy('experiment', `${one('e')}, tens`, `'id', tens.experiment, 'version', 1000000 + tens.n`)
    await copy('session', `${one('s')}, held`, `'id', held.session, 'name', 'bench ' || held.n`)
    await copy(
      'token',
      `${one('k')}, held`,
      `'id', held.token, 'session_id', held.session, 'hash', encode(sha256(held.secret::bytea), 'hex')`,
    )
    await copy(
      'fold',
      `${one('f')}, held JOIN tens ON tens.n = held.n / 10`,
      `'id', held.fold, 'experiment_id', tens.experiment, 'index', held.n % 10, 'session_id', held.session,
       'lease_expires_at', ${later}`,
    )
    await copy(
      'attempt',
      `${one('a')}, held`,
      `'id', gen_random_uuid(), 'fold_id', held.fold, 'session_id', held.session`,
    )
    const { rows } = await client.query<HeldFold>(`SELECT fold AS "foldId", secret AS token FROM held ORDER BY n`)
    await client.query('COMMIT')
    await client.query('ANALYZE')
    return rows
  })
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
