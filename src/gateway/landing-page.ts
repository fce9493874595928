import type { FastifyInstance } from 'fastify'
import type { DescribedRoute, Operation } from '../http/openapi.ts'

/** Adds `GET /`: a page without script that says what there is. */
export function addLandingPage(
  app: FastifyInstance,
  version: string,
  routes: readonly DescribedRoute[],
): void {
  app.get('/', { config: { operation: LANDING, access: 'open' } }, async (_request, reply) =>
    reply
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      })
      .send(landingPage(version, routes)),
  )
}

function landingPage(version: string, routes: readonly DescribedRoute[]): string {
  const rows = routes
    .filter(({ url }) => url !== '/')
    .map(
      ({ method, url, operation }) =>
        `<tr><td>${escaped(method)}</td><td><a href="${escaped(url)}">${escaped(url)}</a></td>` +
        `<td>${escaped(operation.summary)}</td></tr>`,
    )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>meshtap</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
td { padding: .2rem 1.5rem .2rem 0; vertical-align: top }
code, td:first-child, td a { font-family: ui-monospace, monospace }
</style>
</head>
<body>
<h1>meshtap ${escaped(version)}</h1>
<p>Live stat, top and tap of a service mesh. <a href="/api/docs/">The API, to read and try</a>, or its
<a href="/api/openapi.json">OpenAPI document</a>.</p>
<table>
${rows.join('\n')}
</table>
<p>From a terminal: <code>meshtap stat deploy</code>, <code>meshtap top</code>, <code>meshtap tap deploy/web</code>, or
<code>curl -N 'http://localhost:8084/api/v1/tap'</code>.</p>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!)
}

const LANDING: Operation = {
  operationId: 'landing',
  summary: 'A page that says what there is',
  tags: ['documentation'],
  responses: {
    '200': { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } },
  },
}
