import type { AuditEntry, Role } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { AuditEntryModel } from '../generated/models.ts'
import type { RunPrepared } from '../run-prepared.ts'

const order = 'audit'

export function auditTable(db: Connection, run: RunPrepared): Tables['audit'] {
  return {
    append: async ({ tokenId, token, role, project, route, target, requestId, outcome }) =>
      void (await run(
        'append-audit',
        Prisma.sql`
        INSERT INTO audit_entry (token_id, token, role, project, route, target, request_id, outcome)
        VALUES (${tokenId}::uuid, ${token}, ${role}, ${project}, ${route}, ${target}, ${requestId}, ${outcome})`,
      )),
    list: async ({ project, token, since, until }, { cursor, limit }) => {
      const before = decodeCursor(order, cursor, ['number'])?.[0] as number | undefined
      const rows = await db.auditEntry.findMany({
        where: {
          ...(before === undefined ? {} : { id: { lt: before } }),
          ...(project === undefined ? {} : { project }),
          ...(token === undefined ? {} : { tokenId: token }),
          ...(since === undefined && until === undefined
            ? {}
            : {
                at: { ...(since === undefined ? {} : { gte: since }), ...(until === undefined ? {} : { lt: until }) },
              }),
        },
        orderBy: { id: 'desc' },
        take: limit + 1,
      })
      return pageOf(rows, limit, { order, keyOf: (row) => [Number(row.id)], itemOf: entryOf })
    },
    expire: (seconds) =>
      db.$executeRaw`DELETE FROM audit_entry WHERE at < now() - make_interval(secs => ${seconds}::float8)`,
  }
}

function entryOf(row: AuditEntryModel): AuditEntry {
  return { ...row, id: Number(row.id), at: row.at.toISOString(), role: row.role as Role }
}
