import assert from 'node:assert/strict'
import { peerOf } from './peer-identity.js'

describe('peerOf', () => {
  const cases: [string | undefined, string | undefined][] = [
    ['URI:spiffe://paymesh/intent, DNS:intent, DNS:localhost', 'intent'],
    ['DNS:localhost, URI:spiffe://paymesh/edge', 'edge'],
    [undefined, undefined],
    ['', undefined],
    ['DNS:intent', undefined],
    ['URI:spiffe://paymesh/stranger', undefined],
    ['URI:spiffe://paymesh/intent/', undefined],
    ['URI:spiffe://paymesh/Intent', undefined],
    ['URI:SPIFFE://paymesh/intent', undefined],
    ['URI:spiffe://elsewhere/intent', undefined],
    ['URI:spiffe://paymesh/intent?x=1', undefined],
    ['URI:spiffe://paymesh/__proto__', undefined],
    ['URI:spiffe://paymesh/intent, URI:spiffe://paymesh/ledger', undefined],
    ['URI:spiffe://paymesh/intent, URI:spiffe://paymesh/intent', undefined],
    ['DNS:"x, URI:spiffe://paymesh/intent"', undefined],
  ]
  for (const [names, peer] of cases) {
    it(`takes ${names ?? 'no names'} for ${peer ?? 'nobody'}`, () => {
      assert.equal(peerOf(names), peer)
    })
  }
})
