import protobuf from 'protobufjs'

/** The parts of Prometheus' client model that are used here. */
const { root } = protobuf.parse(`
  syntax = "proto2";
  message LabelPair { optional string name = 1; optional string value = 2; }
  message Gauge { optional double value = 1; }
  message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
  message Counter { optional double value = 1; optional Timestamp created_timestamp = 3; }
  message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
  message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; optional Exemplar exemplar = 3; }
  message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
  message Histogram {
    optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
    optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7;
    repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
    optional Timestamp created_timestamp = 15;
  }
  message Metric {
    repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Histogram histogram = 7;
  }
  message MetricFamily {
    optional string name = 1; optional string help = 2; optional int32 type = 3; repeated Metric metric = 4;
  }`)
const MetricFamily = root.lookupType('MetricFamily')

interface Started {
  readonly createdTimestamp?: { readonly seconds: number; readonly nanos: number }
}
export interface Histogram extends Started {
  readonly sampleCount: number
  readonly sampleSum: number
  readonly bucket: readonly {
    readonly cumulativeCount: number
    readonly upperBound: number
    readonly exemplar?: unknown
  }[]
  readonly schema: number
  readonly zeroCount: number
  readonly positiveSpan?: readonly { readonly offset: number; readonly length: number }[]
  readonly positiveDelta?: readonly number[]
}
interface Metric {
  readonly label?: readonly { readonly name: string; readonly value: string }[]
  readonly gauge?: { readonly value: number }
  readonly counter?: Started & { readonly value: number }
  readonly histogram?: Histogram
}
interface Parsed {
  readonly name: string
  readonly type: number
  readonly metric: readonly Metric[]
}

/** The messages of a protobuf exposition. */
export function parseProtobuf(body: Buffer): Parsed[] {
  const reader = protobuf.Reader.create(body)
  const families: Parsed[] = []
  while (reader.pos < reader.len) {
    const message = MetricFamily.decodeDelimited(reader)
    families.push(MetricFamily.toObject(message, { longs: Number }) as Parsed)
  }
  return families
}
