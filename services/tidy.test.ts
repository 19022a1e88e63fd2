import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, relative, sep } from 'node:path'
import { assetPath } from './runtime/assets.js'
import { descriptorImage } from './runtime/descriptor-image.js'

// Style as a test: what a reviewer would otherwise have to say again and again. Each rule names the files that break it.

const root = assetPath('.')
const skipped = new Set(['node_modules', 'dist', '.git', '.paymesh', '.tools', 'gen'])

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesUnder(path) : [relative(root, path).split(sep).join('/')]
  })
}

const files = filesUnder(root)
const texts = new Map<string, string>()

function textOf(file: string): string {
  let text = texts.get(file)
  if (text === undefined) {
    text = readFileSync(join(root, file), 'utf8')
    texts.set(file, text)
  }
  return text
}

const isTest = (file: string) => /\.test\.ts$|\/test\/|^services\/e2e\//.test(file)
const sources = files.filter((file) => file.endsWith('.ts'))
const services = readdirSync(assetPath('services'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['runtime', 'e2e'].includes(entry.name))
  .map(({ name }) => name)
const serviceSources = sources.filter((file) => services.some((name) => file.startsWith(`services/${name}/`)))
const productSources = serviceSources.filter((file) => !isTest(file))

interface Import {
  /** A package's name, or a path from the root. */
  from: string
  typesOnly: boolean
}

/** What a file imports, statically. */
function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(/^(?:import|export)\s+([^'"]*?)\s*from\s+'([^']+)'/gms)].map((match) => {
    const [, what = '', from = ''] = match
    const names = what
      .replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const typesOnly = what.startsWith('type ') || names.every((name) => name.startsWith('type '))
    return { from: from.startsWith('.') ? normalize(join(dirname(file), from)) : from, typesOnly }
  })
}

/** Asserts that no file breaks a rule, naming those that do. */
function none(candidates: readonly string[], broken: (file: string) => string | boolean | undefined): void {
  const found = candidates.flatMap((file) => {
    const how = broken(file)
    return how === undefined || how === false ? [] : [how === true ? file : `${file}: ${how}`]
  })
  assert.deepEqual(found, [])
}

const importing = (file: string, wrong: (found: Import) => boolean) => importsOf(file).find(wrong)?.from
const matching = (pattern: RegExp) => (file: string) => pattern.exec(textOf(file))?.[0]

describe('names', () => {
  it('of files are kebab-case', () => {
    none(sources, (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.m?ts$/.test(basename(file)))
  })

  it('of files say what is inside', () => {
    const empty = /^(utils?|helpers?|common|shared|misc|types|index|manager|base|factory)\.ts$/
    none(sources, (file) => empty.test(basename(file)))
  })

  it('of types have no decoration', () => {
    none(
      sources,
      matching(/\b(?:interface|class|type) (?:I[A-Z][a-z]\w*|\w+(?:Impl|Factory|Manager)|Base[A-Z]\w*|Abstract\w+)\b/),
    )
  })
})

describe('imports', () => {
  it('never reach from one service into another', () => {
    none(serviceSources, (file) => {
      const [, own = ''] = file.split('/')
      return importing(file, ({ from }) => {
        return from.startsWith('services/') && ![own, 'runtime'].some((name) => from.startsWith(`services/${name}/`))
      })
    })
  })

  it('never reach from runtime into a service or its contract', () => {
    const runtime = sources.filter((file) => file.startsWith('services/runtime/') && !isTest(file))
    none(runtime, (file) => {
      return importing(file, ({ from }) => {
        if (from.startsWith('services/')) return !from.startsWith('services/runtime/')
        return from.startsWith('gen/paymesh/') && !from.startsWith('gen/paymesh/access/')
      })
    })
  })

  it('never reach from the product into its tools', () => {
    const product = sources.filter((file) => file.startsWith('services/') && !isTest(file))
    none(product, (file) => importing(file, ({ from }) => /^(dev|bench|services\/e2e)\//.test(from)))
  })

  it('of rpc files hold no database, no cache and no client', () => {
    const outside = /^(pg|ioredis|services\/runtime\/(client|postgres|server|http-server)\.js)$/
    const rpc = productSources.filter((file) => file.includes('/rpc/'))
    none(rpc, (file) => importing(file, ({ from, typesOnly }) => !typesOnly && outside.test(from)))
  })

  it('of another service’s contract stand in the file named after it, or name types', () => {
    none(productSources, (file) => {
      const [, own = ''] = file.split('/')
      if (/-client\.ts$/.test(file)) return undefined
      return importing(file, ({ from, typesOnly }) => {
        const [, owner = ''] = /^gen\/paymesh\/(\w+)\/v1\/\w+_service\.js$/.exec(from) ?? []
        return services.includes(owner) && owner !== own && !typesOnly
      })
    })
  })
})

describe('composition', () => {
  // Where a service's parts are put together. Beside main.ts and migrate.ts: what main.ts of a service that tests
  // start in their own process is made of, and commands of their own.
  const roots = /\/(main|migrate|service|publish|[a-z-]+-command)\.ts$/

  it('of pools and servers happens in the entry points', () => {
    none(
      productSources.filter((file) => !roots.test(file)),
      matching(/\b(createPool|createServer|createHttpServer|startAdminServer)\(/),
    )
  })

  it('of clients happens there or in the file of the client', () => {
    none(
      productSources.filter((file) => !roots.test(file) && !file.endsWith('-client.ts')),
      matching(/\bcreateClient\(/),
    )
  })

  it('reads the environment in config.ts alone', () => {
    const readers = sources.filter((file) => file.startsWith('services/') && !isTest(file))
    const others = readers.filter((file) => basename(file) !== 'config.ts')
    none(others, (file) => {
      // An entry point may hand the environment to its config whole.
      const text = roots.test(file)
        ? textOf(file).replaceAll(/, process\.env\)|readConfig\(process\.env\)/g, '')
        : textOf(file)
      return /process\.env.*/.exec(text)?.[0]
    })
  })
})

describe('time and chance', () => {
  const deciders = /^services\/runtime\/(clock|ids|tracing)\.ts$|\/(main|service)\.ts$/

  it('come from a clock and from ids.ts, and are handed in by the entry points', () => {
    const product = sources.filter((file) => file.startsWith('services/') && !isTest(file) && !deciders.test(file))
    none(product, matching(/\bDate\.now\(|\bnew Date\(\)|\brandomUUID\(|\bMath\.random\(/))
  })
})

describe('files', () => {
  it('have at most 500 lines', () => {
    none(sources, (file) => textOf(file).split('\n').length > 501)
  })

  it('hold no note to self, no path of somebody’s machine and no way around the compiler', () => {
    const self = 'services/tidy.test.ts'
    const written = files.filter(
      (file) => /\.(m?[jt]s|proto|sql|ya?ml|md|sh|json)$|Makefile$/.test(file) && file !== self,
    )
    none(
      written,
      matching(/\b(TODO|FIXME)\b|@ts-(ignore|nocheck|expect-error)|(?<![\w.~*$}{-])\/(work|root|home)\/[a-z]/),
    )
  })

  it('of proto, SQL and TypeScript are there for every RPC', () => {
    const missing = [...descriptorImage().registry].flatMap((desc) => {
      const [, owner = ''] = desc.kind === 'service' ? desc.typeName.split('.') : []
      if (desc.kind !== 'service' || !services.includes(owner)) return []
      return desc.methods
        .map(({ name }) => `services/${owner}/rpc/${kebab(name)}.ts`)
        .filter((file) => !files.includes(file))
    })
    assert.deepEqual(missing, [])
  })
})

function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
}

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

describe('tests', () => {
  it('exist for every file of an rpc folder', () => {
    none(
      productSources.filter((file) => file.includes('/rpc/')),
      (file) => {
        const [, service = ''] = file.split('/')
        const name = basename(file, '.ts')
        const named = new RegExp(`\\b${camel(name)}\\b|\\b${name}\\b`)
        const tests = sources.filter((test) => test.startsWith(`services/${service}/`) && isTest(test))
        // A part that RPCs share is tested through them.
        const imported = productSources.some(
          (other) =>
            other !== file &&
            importing(other, ({ from }) => from === file.replace(/\.ts$/, '.js')) !== undefined &&
            other.includes('/rpc/'),
        )
        return !imported && !tests.some((test) => named.test(textOf(test)))
      },
    )
  })

  it('are neither skipped, nor singled out, nor retried', () => {
    const self = 'services/tidy.test.ts'
    none(
      sources.filter((file) => isTest(file) && file !== self),
      matching(/\b(?:it|describe|context|this)\.(?:skip|only)\(|\bx(?:it|describe)\(|\bthis\.retries\(/),
    )
  })
})
