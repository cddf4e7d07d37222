import path from 'node:path'

/** Where `baton up` leaves the owner's token for the other commands on this machine. */
export function ownerTokenFile(dataDir: string): string {
  return path.join(dataDir, 'owner-token')
}
