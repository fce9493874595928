import { spawnSync } from 'node:child_process'
import t from 'tap'
import { hasFlag } from '../../src/app/buffer-accounting.ts'

const SOURCE = new URL('../../src/app/buffer-accounting.ts', import.meta.url).href

/** Half-megabyte buffers, 1 GB of them, which nobody keeps. */
const MAKE_BUFFERS = 'for (let i = 0; i < 2000; i++) { Buffer.alloc(500_000); if (i % 50 === 0) await null }'

/** What Node printed to stdout, with a line for each collection, and to stderr. */
function run(code: string): { collections: number; stderr: string } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--trace-gc', '--input-type=module', '--eval', code],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return { collections: stdout.split('Mark-Compact').length - 1, stderr }
}

t.test('asks those V8s that know the flag, and no other', async (t) => {
  const expected = {
    '12.4.254.21-node.33': false,
    '13.5.212.10': false,
    '13.6.233.17-node.53': true,
    '14.6.202.34-node.34': true,
    '14.7.100': true,
    '14.8.1': false,
    '15.0.1': false,
    'unheard of': false,
  }
  for (const [version, has] of Object.entries(expected)) t.equal(hasFlag(version), has, version)
})

t.test('keeps buffers that nobody holds from being a reason to collect the heap', async (t) => {
  const before = run(MAKE_BUFFERS)
  const after = run(
    `import { countBuffersWithHeap } from ${JSON.stringify(SOURCE)}; countBuffersWithHeap(); ${MAKE_BUFFERS}`,
  )
  // An older V8 cannot, and a newer one always does.
  if (hasFlag(process.versions.v8)) {
    t.ok(
      after.collections <= before.collections / 2,
      `${before.collections} before, ${after.collections} after`,
    )
  }
  t.equal(after.stderr, '', 'V8 says nothing of the flag')
})
