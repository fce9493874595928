import protobuf from 'protobufjs'
import t from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { otlpProblemEncoding, otlpSuccess } from '../../src/ingest/otlp-answers.ts'

// google/rpc/status.proto and error_details.proto, the parts that OTLP refers to.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`)

const malformed = new HttpProblem(400, 'BODY_MALFORMED', 'byte 7: a length is too long', { at: 'byte 7' })

t.test('success has partial_success unset', async (t) => {
  t.same(otlpSuccess('json'), { contentType: 'application/json', body: '{}' })
  t.same(otlpSuccess('protobuf'), { contentType: 'application/x-protobuf', body: new Uint8Array(0) })
})

t.test('a failure is a google.rpc.Status, of bad data with a BadRequest', async (t) => {
  const { contentType, body } = otlpProblemEncoding('protobuf')(malformed)
  t.equal(contentType, 'application/x-protobuf')
  const status = root
    .lookupType('Status')
    .decode(body as Uint8Array)
    .toJSON()
  t.match(status, { code: 3, message: malformed.message })
  const [detail] = status['details'] as { typeUrl: string; value: string }[]
  t.equal(detail?.typeUrl, 'type.googleapis.com/google.rpc.BadRequest')
  t.same(root.lookupType('BadRequest').decode(Buffer.from(detail!.value, 'base64')).toJSON(), {
    fieldViolations: [{ field: 'byte 7', description: malformed.message }],
  })

  const json = otlpProblemEncoding('json')(malformed)
  t.equal(json.contentType, 'application/json')
  t.same(JSON.parse(json.body as string), {
    code: 3,
    message: malformed.message,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'byte 7', description: malformed.message }],
      },
    ],
  })
})

t.test('every status has the nearest code', async (t) => {
  for (const [status, code] of [
    [400, 3],
    [413, 3],
    [415, 3],
    [403, 7],
    [429, 8],
    [503, 14],
    [500, 13],
  ] as const) {
    const { body } = otlpProblemEncoding('json')(new HttpProblem(status, 'X', 'no'))
    t.equal(JSON.parse(body as string).code, code, String(status))
  }
})
