import t from 'tap'
import { isReadWith, mirroredCluster } from '../../src/log/mirrored-topic.ts'

t.test('a mirror is named after its cluster and its topic', async (t) => {
  const cases: readonly (readonly [string, string | undefined, boolean])[] = [
    ['mesh.requests', undefined, true],
    ['east.mesh.requests', 'east', true],
    ['eu-1_a.mesh.requests', 'eu-1_a', true],
    ['west.east.mesh.requests', 'west.east', true],
    ['.mesh.requests', undefined, false],
    ['xmesh.requests', undefined, false],
    ['mesh.requests.dead', undefined, false],
    ['east.mesh.requests.dead', undefined, false],
    ['east.other', undefined, false],
  ]
  for (const [name, cluster, isRead] of cases) {
    t.equal(mirroredCluster('mesh.requests', name), cluster, name)
    t.equal(isReadWith('mesh.requests', name), isRead, name)
  }
})
