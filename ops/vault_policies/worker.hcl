# A worker that serves every level: wraps, unwraps and indexes; it moves no key version and reads no key material.
# "update" and never "create" on encrypt: with "create", encrypt would make a missing key by itself.

path "@transit@/encrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-basic" { capabilities = ["update"] }

# Sealed records: their page keys are wrapped, and thrown away, here; only the unsealer unwraps them (clause DES-11).
path "@transit@/encrypt/dangan-sealed" { capabilities = ["update"] }
path "@transit@/keys/dangan-sealed" { capabilities = ["read"] }

# Opening bundles: the ingest private keys are wrapped, never made, here.
path "@transit@/decrypt/dangan-ingest" { capabilities = ["update"] }

# Versions only: the confirm step of a page insert reads latest_version.
path "@transit@/keys/dangan-core" { capabilities = ["read"] }
path "@transit@/keys/dangan-sensitive" { capabilities = ["read"] }
path "@transit@/keys/dangan-basic" { capabilities = ["read"] }

# Blind index tokens, every field and epoch.
path "@transit@/hmac/dangan-index-*" { capabilities = ["update"] }

# The keys of audit writers.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# The key of the watermarks that answers carry.
path "@transit@/hmac/dangan-watermarks" { capabilities = ["update"] }

# Whether a registration is the archive's: verified, never made, here.
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }

# Applications, shares and grants are made here, and by nobody else.
path "@transit@/sign/dangan-grants" { capabilities = ["update"] }
path "@transit@/keys/dangan-grants" { capabilities = ["read"] }

# A periodic token lives by being renewed.
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
