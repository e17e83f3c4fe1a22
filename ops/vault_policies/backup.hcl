# Makes backups: wraps a fresh data key for each, and cannot unwrap any, so that it cannot read what it wrote.

path "@transit@/encrypt/dangan-backups" { capabilities = ["update"] }
path "@transit@/keys/dangan-backups" { capabilities = ["read"] }

# What operators do is audited too: their process is a writer of the audit stream.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
