import protobuf from 'protobufjs'

/**
 * Envoy's access log messages as protobufjs knows them: an encoder that others wrote, to hold our decoder beside. Field
 * numbers as in envoy's API v3 of 1.40; what no event needs is left out.
 */
const SCHEMA = `
  syntax = "proto3";
  message StreamAccessLogsMessage {
    Identifier identifier = 1;
    HttpEntries http_logs = 2;
    TcpEntries tcp_logs = 3;
  }
  message Identifier { Node node = 1; string log_name = 2; }
  message Node { string id = 1; string cluster = 2; Struct metadata = 3; repeated Extension extensions = 9; }
  message Extension { string name = 1; string category = 2; }
  message Struct { map<string, Value> fields = 1; }
  message Value { oneof kind { double number_value = 2; string string_value = 3; List list_value = 6; } }
  message List { repeated Value values = 1; }
  message HttpEntries { repeated HttpEntry log_entry = 1; }
  message TcpEntries { repeated TcpEntry log_entry = 1; }
  message HttpEntry { Common common_properties = 1; uint32 protocol_version = 2; Request request = 3; Response response = 4; }
  message TcpEntry { Common common_properties = 1; Connection connection_properties = 2; }
  message Connection { uint64 received_bytes = 1; uint64 sent_bytes = 2; }
  message Common {
    Address downstream_remote_address = 2;
    Tls tls_properties = 4;
    Time start_time = 5;
    Time time_to_last_upstream_rx_byte = 10;
    Time time_to_last_downstream_tx_byte = 12;
    Address upstream_remote_address = 13;
    string upstream_cluster = 15;
    Flags response_flags = 16;
    string route_name = 19;
    Address downstream_direct_remote_address = 20;
    map<string, string> custom_tags = 22;
    Time duration = 23;
    uint32 upstream_request_attempt_count = 24;
    bool intermediate_log_entry = 27;
    uint32 access_log_type = 33;
  }
  message Time { int64 seconds = 1; int32 nanos = 2; }
  message Address { Socket socket_address = 1; Pipe pipe = 2; }
  message Socket { string address = 2; uint32 port_value = 3; }
  message Pipe { string path = 1; }
  message Flags {
    bool upstream_request_timeout = 3; bool local_reset = 4; bool upstream_remote_reset = 5;
    bool upstream_connection_failure = 6; bool upstream_connection_termination = 7; bool delay_injected = 10;
    Unauthorized unauthorized_details = 13; bool downstream_connection_termination = 15;
    bool upstream_retry_limit_exceeded = 16; bool downstream_remote_reset = 28;
  }
  message Unauthorized { uint32 reason = 1; }
  message Tls { Certificate local_certificate_properties = 4; Certificate peer_certificate_properties = 5; }
  message Certificate { repeated AltName subject_alt_name = 1; string subject = 2; }
  message AltName { oneof san { string uri = 1; string dns = 2; } }
  message Request {
    uint32 request_method = 1; string scheme = 2; string authority = 3; string path = 5; string user_agent = 6;
    string original_path = 10; uint64 request_body_bytes = 12; map<string, string> request_headers = 13;
  }
  message Response {
    Code response_code = 1; uint64 response_body_bytes = 3; map<string, string> response_headers = 4;
    map<string, string> response_trailers = 5; string response_code_details = 6;
  }
  message Code { uint32 value = 1; }
`

const message = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('StreamAccessLogsMessage')

/** Fields as the `.proto` files name them. */
export type Fields = Readonly<Record<string, unknown>>

/** A StreamAccessLogsMessage. */
export function alsMessage(fields: Fields): Uint8Array {
  return message.encode(message.fromObject(fields)).finish()
}

/** When the entries of `httpEntry` and `tcpEntry` began, epoch seconds. */
export const STARTED_SECONDS = 1_795_512_480

/** An entry that took 12 ms, unless `common` says otherwise. */
export function httpEntry(parts: {
  readonly common?: Fields
  readonly request?: Fields
  readonly response?: Fields
}): Fields {
  return {
    common_properties: {
      start_time: { seconds: STARTED_SECONDS, nanos: 500_000_999 },
      time_to_last_downstream_tx_byte: { nanos: 12_000_999 },
      ...parts.common,
    },
    request: parts.request,
    response: parts.response,
  }
}

export function tcpEntry(common: Fields, connection: Fields): Fields {
  return {
    common_properties: {
      start_time: { seconds: STARTED_SECONDS },
      duration: { seconds: 2 },
      ...common,
    },
    connection_properties: connection,
  }
}
