import { Asset as AssetMessage } from '../../../gen/paymesh/ledger/v1/asset.js'
import {
  type CreateAssetRequest,
  type CreateAssetResponse,
} from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type Asset, type AssetStore } from '../asset-store.js'
import { DOMAIN, ledgerError } from '../errors.js'

const SCALE_MAX = 18
const ASSET_CODE = /^[A-Z0-9]{1,16}$/

/** LedgerAdminService.CreateAsset. */
export async function createAsset(
  deps: { readonly assets: AssetStore },
  _call: Call,
  request: CreateAssetRequest,
): Promise<CreateAssetResponse> {
  const { code, scale } = parse(request)
  const asset = await deps.assets.define(code, scale)
  if (asset.scale !== scale) {
    const message = `The asset ${code} is defined with scale ${asset.scale}, and that is for ever.`
    throw ledgerError('ASSET_EXISTS_DIFFERENT', message, { asset_code: code })
  }
  return { asset: assetMessage(asset) }
}

function parse({ asset }: CreateAssetRequest): { code: string; scale: number } {
  const check = new FieldCheck(DOMAIN)
  const code = asset?.assetCode ?? ''
  const scale = asset?.scale
  check.that(ASSET_CODE.test(code), 'asset.asset_code', 'must be 1 to 16 upper-case letters and digits')
  check.that(scale !== undefined && scale <= SCALE_MAX, 'asset.scale', `is required and at most ${SCALE_MAX}`)
  check.done()
  return { code, scale: scale ?? 0 }
}

/** An asset as the contract shows it. */
export function assetMessage({ code, scale, ledger }: Asset): AssetMessage {
  return AssetMessage.fromPartial({ name: `assets/${code}`, assetCode: code, scale, ledger })
}
