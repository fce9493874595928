import t from 'tap'
import { unknownVariables } from '../../src/config/unknown-variables.ts'

t.test('variables of no setting are named, but for those that Kubernetes makes', async (t) => {
  const environment = {
    MESHTAP_FLSH: '1s',
    MESHTAP_COLOUR: 'red',
    MESHTAP_FLUSH: '1s',
    MESHTAP_CONFIG: 'm.yaml',
    MESHTAP_GATEWAY: 'http://gateway',
    MESHTAP_REDIS_FILE: 'x',
    MESHTAP_SERVICE_HOST: '10.0.0.1',
    MESHTAP_REDIS_PORT_6379_TCP_ADDR: '10.0.0.1',
    MESHTAP_PORT: 'tcp://10.0.0.1:80',
    PATH: '/bin',
  }
  t.strictSame(unknownVariables(environment), [
    { name: 'MESHTAP_FLSH', meant: 'MESHTAP_FLUSH' },
    { name: 'MESHTAP_COLOUR', meant: undefined },
  ])
})
