import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { jsonSchemaValidator, type Validate } from '../json-schema.ts'

type Json = Record<string, unknown>
function validator() {
  return jsonSchemaValidator({ 'media-range': true })
}

/** The schema that the OpenAPI Initiative publishes for documents of version 3.1. */
const DOCUMENT_SCHEMA = JSON.parse(
  readFileSync(new URL('../fixtures/openapi/schema-3.1.json', import.meta.url), 'utf8'),
) as Json

/** Checks that a server's document is valid, that it has every route, and that its examples fit its schemas. */
export async function checkDocument(t: Test, app: FastifyInstance, routes: readonly string[]): Promise<Json> {
  const document = (await app.inject('/api/openapi.json')).json<Json>()
  const validate = validator().compile(DOCUMENT_SCHEMA)
  t.ok(validate(document), 'the document is valid')
  t.same(validate.errors ?? [], [])
  t.same(
    operationsOf(document)
      .map(({ name }) => name)
      .sort(),
    [...routes].sort(),
    'it has every route',
  )
  const ids = operationsOf(document).map(({ operation }) => operation['operationId'])
  t.equal(new Set(ids).size, ids.length, 'ids are unique')
  const schemaOf = schemas(document)
  for (const { path, schema, example } of examplesIn(document, '')) {
    const fits = schemaOf(schema)
    t.ok(fits(example), `${path} fits its schema`)
    t.same(fits.errors ?? [], [], path)
  }
  return document
}

/** A check of values against a schema of the document, by name, that allows no property it does not mention. */
export function strictSchema(document: Json, name: string): Validate {
  return schemas(document, closed)({ $ref: `#/components/schemas/${name}` })
}

function schemas(
  document: Json,
  adapt = (schema: unknown): unknown => schema,
): (schema: unknown) => Validate {
  const { components } = document as { components: { schemas: Json } }
  const adapted = { $id: 'document', components: { schemas: adapt(components.schemas) } }
  return (schema) => {
    const text = JSON.stringify(adapt(schema)).replaceAll('"#/components', '"document#/components')
    return validator()
      .addSchema(adapted, 'document')
      .compile(JSON.parse(text) as object)
  }
}

/** Schemas whose objects have no property but those they name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy: Json = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return copy['type'] === 'object' && 'properties' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy
}

function operationsOf(document: Json): { name: string; operation: Json }[] {
  const paths = document['paths'] as Record<string, Record<string, Json>>
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  )
}

function* examplesIn(
  node: unknown,
  path: string,
): Generator<{ path: string; schema: unknown; example: unknown }> {
  if (typeof node !== 'object' || node === null) return
  if ('example' in node && 'schema' in node) yield { path, schema: node.schema, example: node.example }
  if ('examples' in node && 'schema' in node) {
    for (const [name, { value }] of Object.entries(node.examples as Record<string, { value: unknown }>))
      yield { path: `${path}/${name}`, schema: node.schema, example: value }
  }
  for (const [key, value] of Object.entries(node)) {
    if (key !== 'example' && key !== 'schema') yield* examplesIn(value, `${path}/${key}`)
  }
}
