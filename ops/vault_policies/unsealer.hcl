# The unsealer: the only one that decrypts under the root of sealed records. It moves their keys back under the roots of
# their levels, hence encrypt there; and it finishes what a sealing left in a level's page, hence decrypt (clause DES-11).

path "@transit@/decrypt/dangan-sealed" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-sealed" { capabilities = ["update"] }
path "@transit@/keys/dangan-sealed" { capabilities = ["read"] }

path "@transit@/encrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/keys/dangan-core" { capabilities = ["read"] }

path "@transit@/encrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/keys/dangan-sensitive" { capabilities = ["read"] }

path "@transit@/encrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/keys/dangan-basic" { capabilities = ["read"] }

# What the sealing officer does is audited too: the process is a writer of the audit stream.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# Whether who acts was registered by the archive: the public key of its signatures.
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
