import { mkdir } from 'node:fs/promises'

/**
 * Makes the data folder. Others may pass through it and see nothing: under root, PostgreSQL runs as another user and
 * must reach its folder in it. What is inside is closed by itself.
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
}
