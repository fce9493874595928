/** `npm run bench [name …]`: runs each benchmark in a process of its own; prints one JSON line a figure. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const wanted = process.argv.slice(2)
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)))
if (files.length === 0) {
  process.stderr.write(`no benchmark named ${wanted.join(', ')}\n`)
  process.exitCode = 2
}
for (const file of files) {
  const { status } = spawnSync(process.execPath, ['--expose-gc', `${import.meta.dirname}/${file}`], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
