import t from 'tap'
import { check } from './otlp-cases.ts'
import { CLIENT, decoded, decodedJson, messageOf, SERVER } from './otlp-decoding.ts'
import { toProtobuf } from './otlp-reference.ts'

/** The resource's workload, and the same as an endpoint. */
const SHOP = { 'k8s.namespace.name': 'shop', 'k8s.deployment.name': 'web' }
const SHOP_WEB = { namespace: 'shop', kind: 'deployment', name: 'web' }

check(SERVER, [
  { name: 'a span of a server that says nothing is still a request', want: {} },
  {
    name: 'a resource is the reporting workload',
    resource: {
      'k8s.cluster.name': 'east',
      'k8s.namespace.name': 'shop',
      'k8s.deployment.name': 'web',
      'k8s.replicaset.name': 'web-5d8',
      'k8s.pod.name': 'web-5d8-q9',
      'k8s.pod.ip': '10.1.2.3',
      'service.name': 'web-svc',
      'service.namespace': 'other',
      'service.instance.id': 'proxy-1',
    },
    want: {
      proxy: 'proxy-1',
      destination: {
        cluster: 'east',
        namespace: 'shop',
        kind: 'deployment',
        name: 'web',
        pod: 'web-5d8-q9',
        service: 'web-svc',
        ip: '10.1.2.3',
      },
    },
  },
  {
    name: 'service.name and service.namespace stand in for Kubernetes names',
    resource: { 'service.name': 'web', 'service.namespace': 'shop' },
    want: { destination: { ...SHOP_WEB, service: 'web' } },
  },
  ...(['statefulset', 'daemonset', 'cronjob', 'job', 'replicaset'] as const).map((kind) => ({
    name: `a resource may name a ${kind}`,
    resource: { [`k8s.${kind}.name`]: 'db' },
    want: { destination: { kind, name: 'db' } },
  })),
  {
    name: 'a cron job counts rather than its job, a deployment rather than its replica set',
    resource: { 'k8s.job.name': 'backup-29', 'k8s.cronjob.name': 'backup' },
    want: { destination: { kind: 'cronjob', name: 'backup' } },
  },
  {
    name: "the peer's address is the source, without its port",
    attributes: {
      'network.peer.address': '10.1.2.3',
      'network.peer.port': 40_000,
      'client.address': '1.2.3.4',
    },
    want: { source: { ip: '10.1.2.3' } },
  },
  {
    name: "the client's address stands in for it",
    attributes: { 'client.address': '1.2.3.4' },
    want: { source: { ip: '1.2.3.4' } },
  },
  {
    name: 'an address with a port, of IPv4',
    attributes: { 'peer.address': '10.1.2.3:40000' },
    want: { source: { ip: '10.1.2.3' } },
  },
  {
    name: 'an address with a port, of IPv6',
    attributes: { 'peer.address': '[::1]:40000' },
    want: { source: { ip: '::1' } },
  },
  {
    name: 'an address of IPv6',
    attributes: { 'net.sock.peer.addr': 'fe80::1' },
    want: { source: { ip: 'fe80::1' } },
  },
  {
    name: "a source named by peer.service is in the resource's namespace and cluster",
    attributes: { 'peer.service': 'bot' },
    resource: { ...SHOP, 'k8s.cluster.name': 'east' },
    want: {
      source: { cluster: 'east', namespace: 'shop', kind: 'deployment', name: 'bot' },
      destination: { cluster: 'east', ...SHOP_WEB },
    },
  },
  {
    name: 'a source that only has an address is in no namespace',
    attributes: { 'network.peer.address': '10.1.2.3' },
    resource: SHOP,
    want: { source: { ip: '10.1.2.3' }, destination: SHOP_WEB },
  },
  {
    name: 'an empty namespace says that there is none',
    attributes: { 'peer.service': 'bot', 'peer.namespace': '' },
    resource: SHOP,
    want: { source: { kind: 'deployment', name: 'bot' }, destination: SHOP_WEB },
  },
  {
    name: 'a source in attributes of peer',
    attributes: {
      'peer.service': 'bot',
      'peer.namespace': 'edge',
      'peer.cluster': 'west',
      'peer.pod': 'bot-0',
      'peer.kind': 'statefulset',
    },
    want: { source: { cluster: 'west', namespace: 'edge', kind: 'statefulset', name: 'bot', pod: 'bot-0' } },
  },
  {
    name: "a source in Istio's names, which count rather than those of peer",
    attributes: {
      'source.workload': 'bot',
      'source.namespace': 'edge',
      'source.cluster': 'west',
      'source.principal': 'spiffe://edge/bot',
      'peer.service': 'other',
      'peer.namespace': 'other',
      'destination.workload': 'not looked at',
    },
    want: {
      source: {
        cluster: 'west',
        namespace: 'edge',
        kind: 'deployment',
        name: 'bot',
        identity: 'spiffe://edge/bot',
      },
    },
  },
])

check(CLIENT, [
  {
    name: "a span of a client is an outbound request of the resource's workload",
    resource: SHOP,
    want: { source: SHOP_WEB },
  },
  {
    name: 'peer.service is both workload and service of a destination',
    attributes: { 'peer.service': 'cart' },
    resource: SHOP,
    want: {
      source: SHOP_WEB,
      destination: { namespace: 'shop', kind: 'deployment', name: 'cart', service: 'cart' },
    },
  },
  {
    name: "a destination in Istio's names",
    attributes: {
      'destination.workload': 'cart-v2',
      'destination.namespace': 'shop',
      'destination.cluster': 'west',
      'destination.service': 'cart',
      'destination.principal': 'spiffe://shop/cart',
      'peer.service': 'other',
    },
    want: {
      destination: {
        cluster: 'west',
        namespace: 'shop',
        kind: 'deployment',
        name: 'cart-v2',
        service: 'cart',
        identity: 'spiffe://shop/cart',
      },
    },
  },
  {
    name: "a service given by its host in Kubernetes has the host's namespace",
    attributes: { 'destination.service': 'cart.shop.svc.cluster.local' },
    resource: { 'k8s.namespace.name': 'edge' },
    want: { source: { namespace: 'edge' }, destination: { namespace: 'shop', service: 'cart' } },
  },
  {
    name: "Envoy's upstream cluster is a service where nothing better is known",
    attributes: { 'upstream_cluster.name': 'cart', upstream_cluster: 'cart_alt' },
    want: { destination: { service: 'cart' } },
  },
  {
    name: "a service out of Istio's name of an upstream cluster",
    attributes: { upstream_cluster: 'outbound|9080|v2|cart.shop.svc.cluster.local;' },
    want: { destination: { namespace: 'shop', service: 'cart' } },
  },
  {
    name: 'a destination has a port',
    attributes: { 'network.peer.address': '10.1.2.3', 'network.peer.port': 8080 },
    want: { destination: { ip: '10.1.2.3', port: 8080 } },
  },
  {
    name: 'a destination has the port of its address',
    attributes: { 'peer.address': '10.1.2.3:8080' },
    want: { destination: { ip: '10.1.2.3', port: 8080 } },
  },
  {
    name: "a client's own address is not its peer's",
    attributes: { 'client.address': '1.2.3.4' },
    want: {},
  },
  {
    name: "Envoy's egress span is asked for by the workload, whose address its peer address is",
    attributes: { component: 'proxy', 'peer.address': '127.0.0.1', upstream_cluster: 'cart' },
    span: { name: 'egress cart:80' },
    resource: { 'service.name': 'web' },
    want: {
      source: { kind: 'deployment', name: 'web', service: 'web' },
      destination: { service: 'cart' },
    },
  },
])

t.test("Envoy's egress span is outbound though its kind is SERVER", (t) => {
  const message = messageOf(
    SERVER,
    { component: 'proxy', 'url.path': '/a' },
    { span: { name: 'egress cart:80' } },
  )
  t.match(decoded(toProtobuf(message)).events, [{ direction: 'outbound', path: '/a' }])
  t.end()
})

t.test('spans that are no request are skipped and counted', (t) => {
  const kinds = [0, 1, SERVER, CLIENT, 4, 5, 6]
  const message = {
    resourceSpans: kinds.map((kind) => messageOf(kind, { 'http.request.method': 'GET' }).resourceSpans[0]!),
  }
  const fromProtobuf = decoded(toProtobuf(message))
  t.match(fromProtobuf, { skipped: 5, events: [{ direction: 'inbound' }, { direction: 'outbound' }] })
  t.same(decodedJson(message), fromProtobuf)
  t.end()
})

t.test("Envoy's span of the way up is skipped, as another span tells of the same request", (t) => {
  const message = messageOf(CLIENT, { component: 'proxy' }, { span: { name: 'router cart egress' } })
  t.same(decoded(toProtobuf(message)), { events: [], skipped: 1, unknownFields: 0 })
  const notEnvoy = messageOf(CLIENT, {}, { span: { name: 'router cart egress' } })
  t.equal(decoded(toProtobuf(notEnvoy)).events.length, 1)
  t.end()
})

t.test('attributes that mean nothing are counted', (t) => {
  const resource = { 'telemetry.sdk.name': 'opentelemetry', 'service.name': 'web' }
  const message = messageOf(
    SERVER,
    { 'user_agent.original': 'curl', 'http.request.method': 'GET', x: 1 },
    { resource },
  )
  t.equal(decoded(toProtobuf(message)).unknownFields, 3)
  t.equal(decodedJson(message).unknownFields, 3)
  t.end()
})
