import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { contractsPage, contractsPagePath } from './contracts-page.js'

describe('docs/contracts.md', () => {
  it('is what the protos say (`make gen` prints it)', () => {
    const page = contractsPage()
    assert.equal(readFileSync(contractsPagePath(), 'utf8'), page)
  })
})
