/**
 * Which resource attribute gives what, best first. `docs/otlp.md` explains the choice.
 */
export const RESOURCE_KEYS = {
  cluster: ['k8s.cluster.name'],
  namespace: ['k8s.namespace.name', 'service.namespace'],
  deployment: ['k8s.deployment.name'],
  statefulset: ['k8s.statefulset.name'],
  daemonset: ['k8s.daemonset.name'],
  cronjob: ['k8s.cronjob.name'],
  job: ['k8s.job.name'],
  replicaset: ['k8s.replicaset.name'],
  service: ['service.name'],
  pod: ['k8s.pod.name'],
  ip: ['k8s.pod.ip'],
  proxy: ['service.instance.id'],
} as const

/** Workload kinds in the order in which a resource's attributes name its workload. */
export const WORKLOAD_KINDS = [
  'deployment',
  'statefulset',
  'daemonset',
  'cronjob',
  'job',
  'replicaset',
] as const

/**
 * Which span attribute gives what, best first: OpenTelemetry's HTTP, RPC and network conventions as of 1.20 and later
 * as well as those before, Envoy's tags, and Istio's names for the two ends.
 */
export const SPAN_KEYS = {
  method: ['http.request.method', 'http.method'],
  status: ['http.response.status_code', 'http.status_code'],
  path: ['url.path'],
  query: ['url.query'],
  url: ['url.full', 'http.url'],
  target: ['http.target'],
  route: ['http.route'],
  scheme: ['url.scheme', 'http.scheme'],
  serverAddress: ['server.address'],
  serverPort: ['server.port'],
  host: ['http.host'],
  hostName: ['net.host.name'],
  hostPort: ['net.host.port'],
  peerName: ['net.peer.name'],
  peerNamePort: ['net.peer.port'],
  requestBytes: ['http.request.body.size', 'http.request_content_length', 'request_size'],
  responseBytes: ['http.response.body.size', 'http.response_content_length', 'response_size'],
  peerAddress: ['network.peer.address', 'net.sock.peer.addr', 'net.peer.ip', 'peer.address'],
  peerPort: ['network.peer.port', 'net.sock.peer.port'],
  clientAddress: ['client.address', 'http.client_ip'],
  grpcStatus: ['rpc.grpc.status_code', 'grpc.status_code', 'rpc.response.status_code'],
  rpcSystem: ['rpc.system.name', 'rpc.system'],
  rpcService: ['rpc.service'],
  rpcMethod: ['rpc.method'],
  responseFlags: ['response_flags'],
  errorType: ['error.type'],
  error: ['error'],
  tlsEstablished: ['tls.established'],
  tlsVersion: ['tls.protocol.version'],
  component: ['component'],
  nodeId: ['node_id'],
  upstreamCluster: ['upstream_cluster.name', 'upstream_cluster'],
  // From here on what names the other end: few senders do.
  peerService: ['peer.service'],
  peerNamespace: ['peer.namespace'],
  peerCluster: ['peer.cluster'],
  peerPod: ['peer.pod'],
  peerKind: ['peer.kind'],
  sourceWorkload: ['source.workload'],
  sourceNamespace: ['source.namespace'],
  sourceCluster: ['source.cluster'],
  sourcePrincipal: ['source.principal'],
  destinationWorkload: ['destination.workload'],
  destinationNamespace: ['destination.namespace'],
  destinationCluster: ['destination.cluster'],
  destinationService: ['destination.service'],
  destinationPrincipal: ['destination.principal'],
} as const

/** Attributes that hold headers: one attribute a header, its name in the key, its values a list of strings. */
export const REQUEST_HEADER_PREFIX = 'http.request.header.'
export const RESPONSE_HEADER_PREFIX = 'http.response.header.'

/** Numbers of SpanKind and of Status.StatusCode that matter. */
export const KIND_SERVER = 2
export const KIND_CLIENT = 3
export const STATUS_ERROR = 2

/** gRPC's canonical names; a status is its index. */
export const GRPC_STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** First words of span names that name an HTTP method and so no operation. */
export const HTTP_NAME_WORDS = [
  'HTTP',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
] as const
