import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { dashboardFiles } from '../../grafana/dashboard-files.ts'
import { DASHBOARDS } from '../../grafana/dashboards.ts'
import { UIDS } from '../../grafana/links.ts'
import { panelsOf, queriesOf } from './queries.ts'

const FOLDER = new URL('../../grafana/dashboards/', import.meta.url)

t.test('dashboards are what `npm run dashboards` makes', async (t) => {
  const files = dashboardFiles()
  t.strictSame(readdirSync(FOLDER).toSorted(), [...files.keys()].toSorted())
  for (const [name, text] of files) {
    t.equal(await readFile(new URL(name, FOLDER), 'utf8'), text, `${name}: run npm run dashboards`)
  }
})

t.test('dashboards are told apart, and found by links', async (t) => {
  t.strictSame(DASHBOARDS.map(({ uid }) => String(uid)).toSorted(), Object.values(UIDS).toSorted())
  const page = await readFile(new URL('../../docs/grafana.md', import.meta.url), 'utf8')
  for (const board of DASHBOARDS) {
    const name = board.title?.replace('meshtap / ', '')
    t.match(page, new RegExp(`^\\| ${name} `, 'm'), `docs/grafana.md has ${name}`)
    const variables = new Set(board.templating.list?.map(({ name }) => name))
    for (const name of ['datasource', 'gateway']) t.ok(variables.has(name), `${board.uid} has ${name}`)
    const text = JSON.stringify(board)
    for (const [, uid = ''] of text.matchAll(/"\/d\/([^?"]+)\?/g)) {
      t.ok(Object.values<string>(UIDS).includes(uid), `${board.uid} links to ${uid}`)
    }
    // A link that sets what the dashboard behind it has not would be of no use.
    for (const [, uid, query = ''] of text.matchAll(/"\/d\/([^?"]+)\?([^"]*)"/g)) {
      const target = DASHBOARDS.find((other) => other.uid === uid)
      const known = target?.templating.list?.map(({ name }) => name) ?? []
      for (const [, name = ''] of query.matchAll(/var-(\w+)=/g)) {
        t.ok(known.includes(name), `${uid} has the variable ${name}`)
      }
    }
  }
})

t.test('panels are of kinds that Grafana has, have units, and do not lie over each other', async (t) => {
  const kinds = ['timeseries', 'stat', 'table', 'heatmap', 'nodeGraph', 'state-timeline']
  for (const board of DASHBOARDS) {
    const taken = new Set<string>()
    const titles = new Set<string>()
    for (const { id, title = '', type, gridPos, fieldConfig, options } of panelsOf(board)) {
      const name = `${board.uid} / ${title}`
      t.ok(kinds.includes(type), `${name}: ${type}`)
      t.ok(id !== undefined && id > 0, `${name} has an id`)
      t.notOk(titles.has(title), `${name} is the only one`)
      titles.add(title)
      if (['timeseries', 'stat', 'state-timeline'].includes(type)) {
        t.type(fieldConfig?.defaults.unit, 'string', `${name} has a unit`)
      }
      if (type === 'heatmap') t.equal((options as { yAxis: { unit: string } }).yAxis.unit, 'ms', name)
      t.ok(gridPos !== undefined && gridPos.x + gridPos.w <= 24, `${name} is on the grid`)
      for (let x = gridPos!.x; x < gridPos!.x + gridPos!.w; x++) {
        for (let y = gridPos!.y; y < gridPos!.y + gridPos!.h; y++) {
          if (taken.has(`${x},${y}`)) t.fail(`${name} lies over another`)
          taken.add(`${x},${y}`)
        }
      }
    }
  }
})

t.test('queries name their variables and the data source that was chosen', async (t) => {
  const builtIn = ['__rate_interval', '1']
  const page = await readFile(new URL('../../docs/grafana.md', import.meta.url), 'utf8')
  for (const board of DASHBOARDS) {
    const name = board.title?.replace('meshtap / ', '')
    t.match(page, new RegExp(`^\\| ${name} `, 'm'), `docs/grafana.md has ${name}`)
    const variables = new Set(board.templating.list?.map(({ name }) => name))
    for (const { panel, expr, datasource } of queriesOf(board)) {
      t.equal(datasource?.uid, '${datasource}', `${board.uid} / ${panel}`)
      for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) {
        t.ok(variables.has(name) || builtIn.includes(name), `${board.uid} / ${panel}: $${name}`)
      }
    }
  }
})

t.test('requests are not counted at both ends', async (t) => {
  for (const board of DASHBOARDS) {
    for (const { panel, expr } of queriesOf(board)) {
      for (const [selector] of expr.matchAll(
        /\b(route_)?(request_total|response_total|response_latency_ms\w*)\{[^}]*\}/g,
      )) {
        t.match(selector, /direction="(inbound|outbound)"/, `${board.uid} / ${panel}`)
      }
    }
  }
})

t.test('latency over time has exemplars', async (t) => {
  for (const board of DASHBOARDS) {
    for (const { panel, expr, exemplar, type } of queriesOf(board)) {
      if (type !== 'timeseries' || !/\bhistogram_quantile.*\{.*direction/.test(expr)) continue
      t.ok(exemplar, `${board.uid} / ${panel}`)
    }
  }
})
