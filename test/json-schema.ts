import { createRequire } from 'node:module'

export type Validate = ((value: unknown) => boolean) & { errors?: unknown[] | null }

interface Ajv {
  compile(schema: object): Validate
  addSchema(schema: object, key: string): Ajv
  addFormat(name: string, format: true | RegExp): Ajv
}

// Fastify's own: meshtap needs a validator for nothing but its tests.
const fromFastify = createRequire(createRequire(import.meta.url).resolve('fastify'))
const fromCompiler = createRequire(fromFastify.resolve('@fastify/ajv-compiler'))
const { default: Ajv2020 } = fromCompiler('ajv/dist/2020.js') as { default: new (options: object) => Ajv }
const { default: addFormats } = fromCompiler('ajv-formats') as { default: (ajv: Ajv) => Ajv }

/** A validator of JSON Schema 2020-12, with formats besides (`true`: known, and not checked) or instead of the usual ones. */
export function jsonSchemaValidator(formats: Readonly<Record<string, true | RegExp>> = {}): Ajv {
  const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }))
  for (const [name, format] of Object.entries(formats)) ajv.addFormat(name, format)
  return ajv
}
