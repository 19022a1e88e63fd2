import {
  Decision as DecisionMessage,
  FeePhase,
  type PartyFacts as PartyMessage,
} from '../../../gen/paymesh/rules/v1/decision.js'
import { type DecideRequest, DecideResponse } from '../../../gen/paymesh/rules/v1/decision_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type CompiledRuleSet, type Decision, decide } from '../decision.js'
import { errorDomain, rulesError } from '../errors.js'
import {
  assetCodePattern,
  type Facts,
  factsLimits,
  metadataOf,
  operationTypePattern,
  type PartyFacts,
  tagSet,
} from '../facts.js'
import { RuleFailedError } from '../routes.js'

/** What Decide needs: the published versions, of which those in use are held in memory. */
export interface DecideDeps {
  readonly published: {
    readonly newest: CompiledRuleSet | undefined
    find(version: bigint): Promise<CompiledRuleSet | undefined>
  }
}

/** Fails with INVALID_FIELD, NOTHING_PUBLISHED, RULE_SET_NOT_FOUND, RULE_FAILED, in this order. Stores nothing. */
export async function decidePayment(deps: DecideDeps, call: Call, request: DecideRequest): Promise<DecideResponse> {
  const facts = parseFacts(request)
  const ruleSet = await findRuleSet(deps, request.ruleSetVersion)
  try {
    return DecideResponse.fromPartial({ decision: decisionMessage(decide(ruleSet, facts), facts.assetCode) })
  } catch (error) {
    if (!(error instanceof RuleFailedError)) throw error
    // The caller cannot mend it; whoever wrote the rule looks here.
    call.log.error({ err: error, ruleSetVersion: String(ruleSet.version) }, 'a rule failed')
    const metadata = { rule_set_version: String(ruleSet.version), rule: error.ruleId }
    throw rulesError('RULE_FAILED', metadata, error)
  }
}

async function findRuleSet({ published }: DecideDeps, version: bigint): Promise<CompiledRuleSet> {
  if (published.newest === undefined && version === 0n) throw rulesError('NOTHING_PUBLISHED')
  const ruleSet = version === 0n ? published.newest : await published.find(version)
  if (ruleSet === undefined) throw rulesError('RULE_SET_NOT_FOUND', { rule_set_version: String(version) })
  return ruleSet
}

function parseFacts(request: DecideRequest): Facts {
  const check = new FieldCheck(errorDomain)
  check.that(request.ruleSetVersion >= 0n, 'rule_set_version', 'must not be negative')
  const { operationType = '', amount, payer, payee, metadata = {}, time } = request.facts ?? {}
  check.that(operationTypePattern.test(operationType), 'facts.operation_type', 'must be 1 to 64 of A-Z 0-9 _')
  const assetCode = amount?.assetCode ?? ''
  check.that(assetCodePattern.test(assetCode), 'facts.amount.asset_code', 'must be 1 to 16 of A-Z 0-9')
  const amountMinor = amount?.minorUnits ?? 0n
  check.that(amountMinor > 0n, 'facts.amount.minor_units', 'must be more than zero')
  const facts: Facts = {
    operationType,
    assetCode,
    amountMinor,
    payer: parseParty(check, 'facts.payer', payer),
    payee: parseParty(check, 'facts.payee', payee),
    metadata: parseMetadata(check, metadata),
    time: parseTime(check, time),
  }
  check.done()
  return facts
}

function parseParty(check: FieldCheck, field: string, message: PartyMessage | undefined): PartyFacts {
  const { party = '', owner = '', tags = [] } = message ?? {}
  const { partyLengthMax, ownerLengthMax, tagsMax, tagLengthMax } = factsLimits
  check.that(
    party !== '' && party.length <= partyLengthMax,
    `${field}.party`,
    `must be 1 to ${partyLengthMax} characters`,
  )
  check.that(owner.length <= ownerLengthMax, `${field}.owner`, `must be at most ${ownerLengthMax} characters`)
  check.that(tags.length <= tagsMax, `${field}.tags`, `must be at most ${tagsMax}`)
  const areTagsFit = tags.every((tag) => tag !== '' && tag.length <= tagLengthMax)
  check.that(areTagsFit, `${field}.tags`, `must each be 1 to ${tagLengthMax} characters`)
  return { party, owner, tags: tagSet(tags) }
}

function parseMetadata(check: FieldCheck, pairs: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const { metadataPairsMax, metadataBytesMax } = factsLimits
  const entries = Object.entries(pairs)
  check.that(entries.length <= metadataPairsMax, 'facts.metadata', `must be at most ${metadataPairsMax} pairs`)
  const bytes = entries.flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  check.that(bytes <= metadataBytesMax, 'facts.metadata', `must be at most ${metadataBytesMax} bytes together`)
  return metadataOf(pairs)
}

function parseTime(check: FieldCheck, time: { seconds: bigint; nanos: number } | undefined): Facts['time'] {
  check.that(time !== undefined, 'facts.time', 'is required')
  const { seconds = 0n, nanos = 0 } = time ?? {}
  const { timeSecondsMin, timeSecondsMax, timeNanosMax } = factsLimits
  const isInRange = seconds >= timeSecondsMin && seconds <= timeSecondsMax && nanos >= 0 && nanos <= timeNanosMax
  check.that(isInRange, 'facts.time', 'must be in the years 1 to 9999')
  return { seconds, nanos }
}

function decisionMessage({ ruleSetVersion, outcome, digest }: Decision, assetCode: string): DecisionMessage {
  switch (outcome.kind) {
    case 'refused':
      return DecisionMessage.fromPartial({ ruleSetVersion, refusal: outcome.refusal, digest })
    case 'allowed':
      return DecisionMessage.fromPartial({
        ruleSetVersion,
        channel: outcome.channel,
        fees: outcome.fees.map((fee) => ({
          feeId: fee.feeId,
          phase: FeePhase[fee.phase],
          amount: { assetCode, minorUnits: fee.amountMinor },
          revenueAccount: fee.revenueAccount,
        })),
        digest,
      })
  }
}
