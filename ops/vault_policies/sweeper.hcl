# The sweeper: the only one that moves key versions. It also re-keys pages at a forget, hence encrypt and decrypt under
# the levels' roots; of the ingest keys it needs neither, since rewrap reveals nothing. Nobody may export, back up,
# restore or delete a key; "config" is held to the two minimum versions, so it cannot make one exportable either.

path "@transit@/keys/dangan-core" { capabilities = ["read"] }
path "@transit@/keys/dangan-core/rotate" { capabilities = ["update"] }
path "@transit@/keys/dangan-core/trim" { capabilities = ["update"] }
path "@transit@/keys/dangan-core/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}
path "@transit@/rewrap/dangan-core" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-core" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-core" { capabilities = ["update"] }

path "@transit@/keys/dangan-sensitive" { capabilities = ["read"] }
path "@transit@/keys/dangan-sensitive/rotate" { capabilities = ["update"] }
path "@transit@/keys/dangan-sensitive/trim" { capabilities = ["update"] }
path "@transit@/keys/dangan-sensitive/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}
path "@transit@/rewrap/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-sensitive" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-sensitive" { capabilities = ["update"] }

path "@transit@/keys/dangan-basic" { capabilities = ["read"] }
path "@transit@/keys/dangan-basic/rotate" { capabilities = ["update"] }
path "@transit@/keys/dangan-basic/trim" { capabilities = ["update"] }
path "@transit@/keys/dangan-basic/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}
path "@transit@/rewrap/dangan-basic" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-basic" { capabilities = ["update"] }
path "@transit@/decrypt/dangan-basic" { capabilities = ["update"] }

# Of sealed records too it needs no decrypt: what is destroyed is emptied, what stays is rewrapped.
path "@transit@/keys/dangan-sealed" { capabilities = ["read"] }
path "@transit@/keys/dangan-sealed/rotate" { capabilities = ["update"] }
path "@transit@/keys/dangan-sealed/trim" { capabilities = ["update"] }
path "@transit@/keys/dangan-sealed/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}
path "@transit@/rewrap/dangan-sealed" { capabilities = ["update"] }
path "@transit@/encrypt/dangan-sealed" { capabilities = ["update"] }

path "@transit@/keys/dangan-ingest" { capabilities = ["read"] }
path "@transit@/keys/dangan-ingest/rotate" { capabilities = ["update"] }
path "@transit@/keys/dangan-ingest/trim" { capabilities = ["update"] }
path "@transit@/keys/dangan-ingest/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = []
    "min_encryption_version" = []
  }
}
path "@transit@/rewrap/dangan-ingest" { capabilities = ["update"] }

# Destruction certificates: sign, and read the public key that verifies them.
path "@transit@/sign/dangan-certificates" { capabilities = ["update"] }
path "@transit@/keys/dangan-certificates" { capabilities = ["read"] }

# What operators do is audited too: their process is a writer of the audit stream.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# Whether who acts was registered by the archive: the public key of its signatures.
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
