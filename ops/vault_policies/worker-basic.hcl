# A worker for a fleet that must not read core-sensitive records: as worker.hcl, without the core level.

path "@transit@/encrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-ingest" { capabilities = ["update"] }
path "@transit@/keys/dangan-sensitive" { capabilities = ["read"] }
path "@transit@/keys/dangan-basic" { capabilities = ["read"] }
path "@transit@/hmac/dangan-index-*" { capabilities = ["update"] }
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }
# The key of the watermarks that answers carry.
path "@transit@/hmac/dangan-watermarks" { capabilities = ["update"] }

# Whether a registration is the archive's: verified, never made, here.
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }

# Whether a grant is the archive's: verified, never made, here, or a host that must not read core fields could give them.
path "@transit@/keys/dangan-grants" { capabilities = ["read"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
