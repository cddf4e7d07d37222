import { AppError } from '@baton/contracts'
import type { Store } from '../store.ts'

/**
 * Ends a token: no request that comes after the answer is accepted. Revoking it again changes nothing.
 *
 * The last good owner's token from the configuration stays. Restarting does not bring a revoked one back, so without it
 * an installation may be left with nobody who can make a token, and `baton up` with a token in its data folder that no
 * longer opens its own API. Who wants it gone configures another first.
 *
 * @throws {AppError} `not-found`; `conflict` for that last one
 */
export async function revokeToken({ store }: { store: Store }, { tokenId }: { tokenId: string }): Promise<void> {
  await store.transaction(async (tables) => {
    const configured = await tables.tokens.lockConfigured()
    const record = await tables.tokens.get(tokenId)
    if (record === null) throw new AppError('not-found', { token: tokenId })
    if (record.isConfigured && record.isGood && configured === 1)
      throw new AppError(
        'conflict',
        {},
        {
          detail: 'it is the last token from the configuration: set another BATON_OWNER_TOKEN, restart, then revoke it',
        },
      )
    await tables.tokens.revoke(tokenId)
  })
}
