import t from 'tap'
import { RouteTemplates, templatePath } from '../../src/rollup/route.ts'

const templated: readonly (readonly [string, string])[] = [
  ['/', '/'],
  ['', ''],
  ['/api/vote?choice=:doughnut:', '/api/vote'],
  ['/users/42', '/users/:id'],
  ['/users/42/posts/7', '/users/:id/posts/:id'],
  ['/users/me', '/users/me'],
  ['/v1/users', '/v1/users'],
  ['/v2/orders/2024-11-24', '/v2/orders/2024-11-24'],
  ['/orders/6f9619ff-8b86-d011-b42d-00c04fc964ff', '/orders/:id'],
  ['/orders/6F9619FF-8B86-D011-B42D-00C04FC964FF/items', '/orders/:id/items'],
  ['/blobs/da39a3ee5e6b4b0d3255bfef95601890afd80709', '/blobs/:id'],
  ['/git/da39a3ee', '/git/:id'],
  ['/deadbeef', '/deadbeef'],
  ['/facade', '/facade'],
  ['/objects/507f1f77bcf86cd799439011', '/objects/:id'],
  ['/events/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/events/:id'],
  ['/session/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9', '/session/:id'],
  ['/prices/12.50', '/prices/:id'],
  ['/emojivoto.v1.VotingService/VoteDoughnut', '/emojivoto.v1.VotingService/VoteDoughnut'],
  ['/hipstershop.ProductCatalogService/GetProduct', '/hipstershop.ProductCatalogService/GetProduct'],
  ['/how-to-write-a-very-long-slug-2', '/how-to-write-a-very-long-slug-2'],
  ['/a//b/', '/a//b/'],
  ['/static/app.js#top', '/static/app.js'],
  [
    `/${Array.from({ length: 20 }, (_, i) => `s${i}`).join('/')}`,
    `/${Array.from({ length: 16 }, (_, i) => `s${i}`).join('/')}/…`,
  ],
]

t.test('variable segments of a path become :id, words stay', async (t) => {
  for (const [path, route] of templated) t.equal(templatePath(path), route, path)
})

t.test('a derived route is never longer than 256 characters', async (t) => {
  const route = templatePath(`/${'word-'.repeat(100)}`)
  t.equal(route.length, 256)
  t.ok(route.endsWith('…'))
})

t.test('configured patterns come first, in their order', async (t) => {
  const routes = new RouteTemplates(['/users/me', '/users/:name/posts', '/users/{name}', '/static/*'])
  const check = (path: string, route: string) => t.equal(routes.routeOf(path), route, path)
  check('/users/me', '/users/me')
  check('/users/alice', '/users/{name}')
  check('/users/alice?x=1', '/users/{name}')
  check('/users/alice/posts', '/users/:name/posts')
  check('/users//posts', '/users//posts')
  check('/static/css/7/app.css', '/static/*')
  check('/static', '/static')
  check('/carts/7', '/carts/:id')
})

t.test('a pattern that cannot be is refused with its text', async (t) => {
  t.throws(() => new RouteTemplates(['users']), /route pattern "users"/)
  t.throws(() => new RouteTemplates(['/a/*/b']), /route pattern "\/a\/\*\/b"/)
})

t.test('hostile paths cost little', async (t) => {
  for (const path of [`/${'a'.repeat(100_000)}1`, `/${'1a'.repeat(50_000)}`, '/'.repeat(100_000)]) {
    t.ok(templatePath(path).length <= 256)
  }
})
