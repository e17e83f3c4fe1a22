# The inspector: opens key pages to check that every record decrypts and verifies; wraps, signs and indexes nothing
# but its own audit events, so that who checks cannot change what is checked.

path "@transit@/decrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-basic" { capabilities = ["update"] }

# The keys of audit writers.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# Whether who acts was registered by the archive: the public key of its signatures.
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }

# A periodic token lives by being renewed.
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
