import { lockDataDirectory } from '../../../src/log/embedded/data-directory-lock.ts'

// Node ignores this signal, but tap's hooks end the process on it unless somebody listens.
process.on('SIGXFSZ', () => {})

/** Locks a directory until its input ends. */
try {
  const lock = await lockDataDirectory(process.argv[2]!)
  process.stdout.write('locked\n')
  process.stdin.resume().on('end', () => void lock.release())
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`)
}
