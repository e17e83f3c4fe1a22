# The administrator: wraps new ingest keys and announces them. Cannot unwrap anything, and sees nothing of the levels.

path "@transit@/encrypt/dangan-ingest" { capabilities = ["update"] }
path "@transit@/keys/dangan-ingest" { capabilities = ["read"] }
path "@transit@/sign/dangan-announcements" { capabilities = ["update"] }
path "@transit@/keys/dangan-announcements" { capabilities = ["read"] }
# Registrations count only with this signature.
path "@transit@/sign/dangan-registrations" { capabilities = ["update"] }
path "@transit@/keys/dangan-registrations" { capabilities = ["read"] }
path "@transit@/keys/dangan-certificates" { capabilities = ["read"] }
path "@transit@/keys/dangan-writers" { capabilities = ["read"] }

# What operators do is audited too: their process is a writer of the audit stream.
path "@transit@/sign/dangan-writers" { capabilities = ["update"] }

path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
