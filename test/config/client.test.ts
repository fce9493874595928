import t from 'tap'
import { clientSettings, terminalEnvironment } from '../../src/config/client.ts'

t.test('addresses come from flags, then the environment, then defaults', async (t) => {
  t.strictSame(clientSettings({}, {}), { gateway: 'http://127.0.0.1:8084', ingest: 'http://127.0.0.1:4318' })
  const environment = {
    MESHTAP_GATEWAY: 'https://meshtap.example/base//',
    MESHTAP_INGEST: 'http://[::1]:4318/',
  }
  t.strictSame(clientSettings({}, environment), {
    gateway: 'https://meshtap.example/base',
    ingest: 'http://[::1]:4318',
  })
  t.equal(clientSettings({ gateway: 'http://other:1' }, environment).gateway, 'http://other:1')
})

t.test('what is no address is refused, with where it came from', async (t) => {
  const check = (gateway: string, want: RegExp) =>
    t.throws(() => clientSettings({}, { MESHTAP_GATEWAY: gateway }), { code: 'BAD_SETTING', message: want })
  check('localhost:8084', /^MESHTAP_GATEWAY is "localhost:8084": must be a URL such as/)
  check('ftp://localhost', /must be a URL/)
  check('', /must be a URL/)
  check('http://user:secret@localhost', /must have no user name and no password/)
})

t.test('NO_COLOR counts unless it is empty', async (t) => {
  t.strictSame(terminalEnvironment({}), { noColor: false, isDumb: false })
  t.equal(terminalEnvironment({ NO_COLOR: '1' }).noColor, true)
  t.equal(terminalEnvironment({ NO_COLOR: '' }).noColor, false)
  t.equal(terminalEnvironment({ TERM: 'dumb' }).isDumb, true)
})
