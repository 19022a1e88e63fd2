import assert from 'node:assert/strict'
import { Access, AuthLevel, Peer } from '../../gen/paymesh/access/v1/access.js'
import { accessRules, checkCaller, checkPeer, requireAccess } from './access.js'
import type { Caller } from './call.js'

describe('access options', () => {
  it('stand on every RPC of the contracts, with at least one peer', () => {
    const rules = [...accessRules()].filter(([path]) => path.startsWith('/paymesh.'))
    assert.ok(rules.length > 20)
    for (const [path, access] of rules) {
      assert.ok(access !== undefined, `${path} has no access option`)
      assert.ok(access.peers.length > 0 && !access.peers.includes(Peer.UNSPECIFIED), `${path} names no peer`)
    }
  })

  it('are never both public and asking for something', () => {
    for (const [path, access] of accessRules()) {
      if (access?.public) assert.equal(access.permission, '', path)
    }
  })

  it('are read as the contract says', () => {
    const access = requireAccess('/paymesh.intent.v1.WalletService/FundWallet')
    assert.deepEqual(access.peers, [Peer.EDGE, Peer.OPERATOR])
    assert.equal(access.permission, 'funding:write')
    assert.equal(access.audited, true)
    assert.equal(access.public, false)
  })
})

function subject(permissions: string[], level: AuthLevel, who: { name?: string; actor?: string } = {}): Caller {
  const parts = {
    name: 'users/1',
    session: 'sessions/1',
    roles: [],
    tags: [],
    permissions: new Set(permissions),
    level,
    actor: undefined,
    ...who,
  }
  return { kind: 'subject', peer: 'edge', subject: parts }
}

describe('checkCaller', () => {
  const access = Access.fromPartial({ peers: [Peer.EDGE], permission: 'a:read', minimumLevel: AuthLevel.DEVICE })
  const cases: [string, Caller, string | undefined][] = [
    ['nobody', { kind: 'anonymous', peer: 'edge' }, 'NOT_SIGNED_IN'],
    ['a user without the permission and below the level', subject([], AuthLevel.PASSWORD), 'PERMISSION_MISSING'],
    ['a user below the level', subject(['a:read'], AuthLevel.PASSWORD), 'LEVEL_TOO_LOW'],
    ['a user of unknown level', subject(['a:read'], AuthLevel.UNSPECIFIED), 'LEVEL_TOO_LOW'],
    ['a user at the level', subject(['a:read'], AuthLevel.DEVICE), undefined],
    ['a user above the level', subject(['a:read'], AuthLevel.PIN), undefined],
    ['a peer', { kind: 'peer', peer: 'intent' }, undefined],
  ]
  for (const [who, caller, reason] of cases) {
    it(`${reason === undefined ? 'admits' : `answers ${reason} to`} ${who}`, () => {
      if (reason === undefined) checkCaller(access, caller)
      else
        assert.throws(
          () => {
            checkCaller(access, caller)
          },
          { reason },
        )
    })
  }
})

describe('checkCaller, where no permission is asked for', () => {
  const personal = Access.fromPartial({ peers: [Peer.EDGE] })
  const programs = [
    subject(['a:read'], AuthLevel.PIN, { name: 'clients/1' }),
    subject(['a:read'], AuthLevel.PIN, { actor: 'clients/1' }),
  ]

  it('admits every person, and no program, not even one that acts for a person', () => {
    checkCaller(personal, subject([], AuthLevel.PASSWORD))
    for (const program of programs) {
      assert.throws(
        () => {
          checkCaller(personal, program)
        },
        { reason: 'PERSON_NEEDED' },
      )
    }
  })

  it('admits everybody to what is public', () => {
    for (const program of programs) checkCaller(Access.fromPartial({ ...personal, public: true }), program)
  })
})

describe('checkPeer', () => {
  const access = Access.fromPartial({ peers: [Peer.INTENT] })
  const check = (peer: Parameters<typeof checkPeer>[1]) => () => {
    checkPeer(access, peer)
  }
  it('admits the named peers alone', () => {
    check('intent')()
    assert.throws(check('edge'), { reason: 'PEER_NOT_ALLOWED', metadata: { peer: 'edge' } })
    assert.throws(check(undefined), { reason: 'PEER_NOT_ALLOWED', metadata: { peer: 'unknown' } })
  })
})
