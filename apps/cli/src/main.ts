#!/usr/bin/env node
import process from 'node:process'
import { runCli } from './cli.ts'
import { processIo } from './io.ts'

// `baton logs | head`: a reader that has enough is not a problem.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await runCli(process.argv.slice(2), processIo())
