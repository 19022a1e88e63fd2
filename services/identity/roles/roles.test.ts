import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary, getOption } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { assetPath } from '../../runtime/assets.js'
import { isRole, parseRole, permissionsOf, roles } from './roles.js'

/** Every permission that some RPC asks for. */
function permissionsOfContracts(): Set<string> {
  const image = fromBinary(FileDescriptorSetSchema, readFileSync(assetPath('gen/paymesh.binpb')))
  const registry = createFileRegistry(image)
  const access = registry.getExtension('paymesh.access.v1.access')
  assert.ok(access)
  const methods = [...registry].flatMap((type) => (type.kind === 'service' ? type.methods : []))
  const options = methods.map((method) => getOption(method, access) as { permission?: string })
  return new Set(
    options.flatMap(({ permission }) => (permission === undefined || permission === '' ? [] : [permission])),
  )
}

describe('roles', () => {
  it('are the seven of the contract', () => {
    assert.deepEqual([...roles].sort(), ['admin', 'auditor', 'merchant', 'operator', 'risk', 'support', 'user'])
  })

  it('open every RPC to somebody', () => {
    const held = new Set(permissionsOf(roles))
    const asked = permissionsOfContracts()
    assert.ok(asked.has('wallet:read') && asked.size > 5)
    assert.deepEqual(
      [...asked].filter((permission) => !held.has(permission)),
      [],
    )
  })

  it('make an admin out of an operator and more', () => {
    const admin = new Set(permissionsOf(['admin']))
    assert.deepEqual(
      permissionsOf(['operator']).filter((permission) => !admin.has(permission)),
      [],
    )
  })

  it('let an auditor change nothing', () => {
    assert.ok(permissionsOf(['auditor']).every((permission) => permission.endsWith(':read')))
  })

  it('give a user nothing but their own wallets and intents', () => {
    assert.deepEqual(permissionsOf(['user']), ['intents:read', 'intents:write', 'wallet:read', 'wallet:write'])
  })

  it('add up, each permission once, in order', () => {
    const both = permissionsOf(['user', 'operator'])
    assert.deepEqual(both, [...new Set(both)].sort())
    assert.ok(both.includes('wallet:write') && both.includes('funding:write'))
    assert.deepEqual(permissionsOf([]), [])
  })

  for (const text of ['', 'root', 'Admin', 'admin ', 'constructor', '__proto__']) {
    it(`do not include ${JSON.stringify(text)}`, () => {
      assert.equal(isRole(text), false)
      assert.ok('problem' in parseRole(text))
    })
  }
})
