/** What programs may import from `meshtap`: the events, a reporter that sends them, and the answers of the HTTP API. */
export type { ConnectionEvent, Direction, Endpoint, Header, MeshEvent, RequestEvent } from './event/event.ts'
export { Reporter } from './reporter/reporter.ts'
export type { ReporterLimits, ReporterOptions, ReporterStats } from './reporter/reporter.ts'
export type {
  EdgeRow,
  EdgesAnswer,
  EmptyReason,
  LatencyAnswer,
  PodsAnswer,
  ReasonRow,
  ReasonsAnswer,
  ResourcesAnswer,
  RouteRow,
  RoutesAnswer,
  StatAnswer,
  StatRow,
  StatusCount,
  TapAnswer,
  TapEventAnswer,
  TimeseriesAnswer,
  TimeseriesPoint,
  TopAnswer,
  TopRow,
  WindowAnswer,
} from './query/answer.ts'
