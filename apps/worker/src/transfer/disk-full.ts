import { AppError } from '@baton/contracts'

/** Of the system: no block or inode is free; the user's or the folder's quota is used up. */
const noRoomCodes = ['ENOSPC', 'EDQUOT']

/**
 * Does work that writes below a folder.
 *
 * @throws {AppError} `disk-full`, with the folder, where a write finds no room; whatever else the work throws
 */
export async function needingRoom<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!noRoomCodes.includes(code ?? '')) throw error
    const detail = `${folder} had no room left while data was written to it (${code})`
    throw new AppError('disk-full', { folder }, { detail, cause: error })
  }
}
