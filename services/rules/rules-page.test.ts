import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { assetPath } from '../runtime/assets.js'
import { parseRuleSet } from './rule-set.js'
import { checkRuleSet } from './rule-set-check.js'

const route = { id: 'p2p', operation_type: 'P2P_TRANSFER', channel: 'INTERNAL_P2P' }

describe('the page for operators', () => {
  it('shows parts of documents that may be published', () => {
    const page = readFileSync(assetPath('docs/rules.md'), 'utf8')
    const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text = '']) => JSON.parse(text) as object)
    assert.ok(examples.length > 0)
    for (const example of examples) {
      assert.doesNotThrow(() => {
        checkRuleSet(parseRuleSet({ routes: [route], fees: [], ...example }))
      }, JSON.stringify(example))
    }
  })
})
