/**
 * What a code bundle may be at most. A bundle is source code and small tables, not data: whatever is larger belongs
 * into a dataset. The limits also bound what a hostile archive can make its reader allocate or write.
 */
export const bundleLimits = {
  /** The archive itself. */
  archiveBytes: 64 * 2 ** 20,
  /** Files and folders in it. */
  entries: 2000,
  /** One file, unpacked. */
  entryBytes: 32 * 2 ** 20,
  /** All files, unpacked. */
  totalBytes: 64 * 2 ** 20,
  /** Unpacked size over packed size of one file. Source code reaches 20; deflate's ceiling, and a bomb's, is 1032. */
  ratio: 100,
  /** Size under which the ratio does not matter: a short file of one repeated line is no bomb. */
  ratioFreeBytes: 2 ** 20,
  /** A path from the top of the bundle, in UTF-8: leaves room for the folder it is unpacked into. */
  nameBytes: 200,
} as const
