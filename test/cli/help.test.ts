import t from 'tap'
import { COMMANDS } from '../../src/cli/catalogue.ts'
import { golden } from './golden.ts'
import { runInProcess } from './in-process.ts'
import { runCli } from './run-cli.ts'

const COLUMNS = 100

t.test('the help of every command is as stored, and has an example', async (t) => {
  for (const { name } of COMMANDS) {
    const { code, stdout, stderr } = await runInProcess([name, '--help'], { columns: COLUMNS })
    t.equal(stdout, golden(`help-${name}`, stdout))
    t.match(stdout, new RegExp(`Examples:\\n {2}(\\S+ .*\\| )?meshtap (${name}|serve) `), name)
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.equal((await runInProcess(['help', name], { columns: COLUMNS })).stdout, stdout)
  }
})

t.test('the help of the program names every command', async (t) => {
  const { code, stdout } = await runInProcess(['--help'], { columns: COLUMNS })
  t.equal(stdout, golden('help', stdout))
  for (const { name } of COMMANDS) t.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
  t.equal(code, 0)
})

t.test('without a command the help is printed as what was missing', async (t) => {
  const { code, stdout, stderr } = await runInProcess([], { columns: COLUMNS })
  t.equal(stdout, '')
  t.equal(stderr, golden('help', stderr))
  t.equal(code, 2)
})

t.test('the version is that of the package', async (t) => {
  const { code, stdout } = await runCli(['--version'])
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  t.equal(code, 0)
})
