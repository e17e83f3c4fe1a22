# 句子后面括号里的补充说明；名称与 schemas/error_texts/details.py 一致。

## 命令和字段的值

detail-did-you-mean = 您要用的是不是 { $name }？
detail-expected-text = 应为非空的文字
detail-expected-resident-id = 应为 18 位且校验码正确的居民身份证号码
detail-expected-phone = 应为电话号码；非大陆号码须带国家代码
detail-expected-email = 应为电子邮件地址
detail-expected-card = 应为校验码正确的账号或卡号
detail-expected-date = 应为 YYYY-MM-DD 格式的日期
detail-expected-amount = 应为十进制数
detail-expected-integer = 应为整数
detail-expected-choice = 应为下列之一：{ $choices }
detail-current-version = 当前版本为 { $version }
detail-so-many-of = 已有 { $found } 项，要求 { $needed }
detail-action = 操作类型
detail-time = 时间
detail-unknown-key-or-kind = 密钥或类型不明
detail-signer-or-key = 签名人或密钥
detail-signature-or-contents = 签名或内容
detail-not-a-request = 不是申请
detail-more-than-64 = 超过 64 个字符
detail-record-changing = 档案一直在变动
detail-series-changing = 编号序列一直在变动
detail-record-not-readable = 有档案暂时无法读取
detail-code-not-readable = 有编号暂时无法读取
detail-no-majority = 未得到多数节点确认
detail-archive-not-readable = 有档案暂时无法读取
detail-application-changing = 申请在不断变动
detail-return-changing = 归还记录在不断变动
detail-use-expired = 已过期
detail-proposal-changing = 变更建议一直在变动

## 合法收集、附件

detail-expected-credit-code = 应为 18 位且校验码正确的统一社会信用代码
detail-expected-moment = 应为带时区的日期和时间（RFC 3339）
detail-other-purposes = 是为其他目的制定的
detail-not-the-kind = 与表格规定的类型不符
detail-not-the-period = 与告知的期限不同
detail-silent-about = 没有说明 { $names }
detail-after-collection = 晚于收集
detail-before-notice = 早于告知
detail-no-such-time = 没有这样的时间
detail-in-the-future = 在将来
detail-signature-does-not-count = 没有登记，或其签名不能接受
detail-part-size = 第 { $part } 块，共 { $parts } 块，{ $size } 字节
detail-not-base64 = 不是 base64
detail-given-by-collector = 由收集人本人作出
detail-given-for-another = 是为其他目的或表格作出的
detail-not-valid-now = 目前不在有效期内
detail-does-not-cover = 不包括 { $names }
detail-not-reviewed = 没有审核
detail-no-check = 没有核验
detail-original-not-seen = 没有核对原件
detail-card-online-too = 身份证还须联网核验
detail-document-expired = 证件已过期
detail-time-of-check = 核验的时间
detail-unreadable = 无法读取
detail-at-version = { $record } 的版本是 { $version }
detail-has-changed = { $record } 已有改动
detail-so-many-parts = { $count } 个部分
detail-check-of-one = 一次核验只对应一份档案
detail-other-records = 目录所列的档案不同
detail-named-twice = 有档案列了两次
detail-consent-not-readable = 有同意记录暂时无法读取
detail-records-moving = 档案一直在变动

## 加密消息和发送客户端

detail-so-many-bytes = { $size } 字节
detail-bytes-at-most = { $size } 字节，上限 { $most } 字节
detail-one-command-of = 一个命令有 { $size } 字节
detail-so-many-commands = { $count } 个命令
detail-nesting = 嵌套层数
detail-integer = 整数超过 53 位二进制
detail-given-twice = 有成员出现两次
detail-not-json = 不是 JSON
detail-header = 头部
detail-header-members = 头部成员
detail-too-many-headers = 消息头过多
detail-bad-header = 重复、为空、过长或不是 ASCII
detail-not-the-bundle-id = 与签名的消息包编号不符
detail-not-the-principal = 与签名人不符
detail-whole-bundle = 档案系统对整个消息包的答复
detail-flush = 等待 { $seconds } 秒后仍未发完
detail-answers-not-read = 没有读取答复
detail-content = 内容
detail-writer-certificate = 处理进程的证书
detail-no-topic = 主题 { $topic } 不存在
detail-there-is-no-topic = 没有主题 { $topic }
detail-too-many-events = 等待中的事件过多
detail-reference-form = 3 至 64 个 A-Z a-z 0-9 . _ : - 字符
detail-not-a-key-file = 不是版本 1 的密钥文件
detail-parts-differ = 公钥与私钥不相配
detail-sealed-file = 文件有口令保护
detail-wrong-passphrase = 口令不对，或文件被改动
detail-no-trust-file = 没有信任文件

## 要发送的文件

detail-known = 可用：{ $endings }
detail-no-rows = 没有数据行
detail-no-encoding = 既不是 UTF-8 也不是 GB 18030
detail-no-column-names = 第 1 行没有列名
detail-column-nameless = 第 { $number } 列没有名称
detail-column-twice = 该列出现两次
detail-row = 第 { $number } 行
detail-row-ragged = 第 { $number } 行有 { $cells } 格，表头有 { $columns } 格
detail-row-quoting = 第 { $number } 行引号不成对，或单元格过长
detail-row-not-object = 第 { $number } 行不是名称不重复、值不嵌套的 JSON 对象
detail-no-such-column = 文件中没有这一列
detail-no-such-column-but = 文件中没有这一列；您要用的是不是 { $name }？
detail-two-columns = 有两列对应这个字段
detail-no-column = 没有一列是字段
detail-another-file = 这是另一种文件
detail-give-column = 请写成 {"{"} column = "..." {"}"}；时间还须写 utc_offset
detail-must-be-table = 应为一个表
detail-must-be-offset = utc_offset 应写成 +08:00 的形式
detail-not-known = 没有这一项

## 密钥、清扫、证明、备份

detail-ingest-key-refused = 有效的入库密钥被拒绝
detail-rotated-over = 根密钥在反复更换
detail-records-left = 还有 { $count } 份档案尚未销毁
detail-approvals = 审批：{ $code }
detail-record-approvals = { $record }：审批：{ $code }
detail-not-ordered = { $record }：不在命令所列之内
detail-no-roots = { $record }：没有根密钥
detail-no-tombstone = { $record }：没有销毁标记
detail-slot-held = { $record }：现用密钥页中仍有其密钥
detail-never-made = 不是 Vault 生成的旧密钥
detail-too-long = 过长
detail-not-a-snapshot = 不是密钥页副本
detail-count = 数目
detail-digest = 摘要
detail-cut-short = 不完整
detail-file-cut-short = 有文件不完整
detail-key-body = 密钥的内容
detail-key-number = 第 { $number } 个密钥
detail-copy-differs = 副本读回的内容不同
detail-copy-refused = Vault 拒绝了副本中的密钥
detail-copy-changed = 副本在核对之后有改动
detail-lease-left = { $root }，还剩 { $seconds } 秒
detail-token-file = 令牌文件无法读取
detail-status = { $op }：状态 { $status }
detail-status-not-json = { $op }：状态 { $status }，不是 JSON
detail-status-not-object = { $op }：状态 { $status }，不是对象
detail-incomplete-batch = { $op }：批次不完整
detail-other-version = hmac：应答的是另一版本
detail-no-public-key = { $key } 没有这样的公钥

## 运行

detail-others-may-read = 他人可以读取：请执行 chmod 600
detail-readable-by-others = { $file } 可被他人读取
detail-private-keys = 其中有私钥；请自行妥善保管此文件
detail-file-exists = 文件已存在
detail-no-such-file = 没有这个文件
detail-empty-passphrase = 口令为空
detail-no-checkpoint = 其中没有检查点
detail-of-writer = 写入者 { $writer }
detail-findings = 发现 { $count } 处问题
detail-name-key-file = 请指定您的密钥文件
detail-no-administrator = 还没有管理员：请登记第一个
detail-stays-administrator = 管理员只能保持原角色，或被停用
detail-not-registered = 没有登记
detail-without-role = 已停用，或没有角色 { $roles }
detail-key-not-good = 密钥没有登记、已过期或已吊销
detail-signature = 签名验证不通过
detail-messages = { $count } 条消息
detail-no-java = 没有安装 Java
detail-no-maven = 没有安装 Maven
detail-maven-ended = mvn 退出，状态 { $status }
detail-formatting = 初始化 Kafka 存储：{ $reason }
detail-missing = 缺少 { $name }
detail-disk = { $home } 剩余 { $free } MiB，需要 { $needed } MiB
detail-attempts = { $service }，已试 { $count } 次
detail-ready = { $service }，{ $seconds } 秒，日志 { $log }
detail-log = { $service }，日志 { $log }
detail-service-log = { $service }：{ $reason }；日志 { $log }
detail-port-taken = { $service } 的端口此时被占用
detail-empty-but = { $folder } 是空的，但 { $file } 存在
detail-kafka-at = { $address } 的 Kafka：{ $reason }
detail-vault-at = { $address } 的 Vault：{ $reason }
detail-topic-error = { $topic }：读取其设置时出错，代码 { $code }
detail-not-transit = { $mount } 是 { $kind } 引擎，不是 transit
detail-not-a-proof = 文件不是证明
detail-event-elsewhere = 事件所写的位置不同
detail-event-not-under = 事件不在该检查点之下
detail-two-writers = 两个检查点属于不同的写入者
detail-does-not-go-on = 较新的检查点不是由较早的延续而来
detail-not-by-writer = 检查点不是由该写入者签名的
detail-nobody-vouches = 该写入者没有得到认可
detail-too-many-parts = 分块过多
detail-it-exists = 已存在
detail-no-paper = 它没有对应的纸质档案
detail-no-covering = 没有检查点覆盖该事件
detail-not-two = 应为同一写入者的两个检查点，较早的在前
detail-chain-missing = 缺少链条中的事件
detail-several-writers = 有多个写入者的检查点：请用 --writer 指定一个
detail-version-of = { $record }，版本 { $version }
detail-rules-too-many = 有 { $count } 条规则；可读取 1 至 { $most } 条
detail-rules-alike = 有两条规则同名：{ $name }
detail-rule-too-long = 超过 64 KiB
detail-not-yaml = 不是 YAML
detail-only-core = 只有核心敏感字段需要审批
detail-give-four = 请填写 RECORD、--version、--done 和 --as
detail-not-an-object = 不是对象

## 登记簿、保管、保存期限

detail-at-most = 最多 { $number }
detail-characters-up-to = 1 至 { $number } 个字符
detail-line-too-long = 第 { $number } 行太长
detail-in-line = 第 { $number } 行
detail-in-item = 第 { $number } 项
detail-more-than-items = 超过 { $number } 项
detail-more-than-lines = 超过 { $number } 行
detail-not-come-yet = 该日期尚未到来
detail-not-sealed-file = 不是加密封装的文件
detail-chunk-closed = 有一块不能解密
detail-more-after-end = 结尾之后还有内容
detail-backup-chain = 备份链
detail-backup-frame = 帧
detail-backup-contents = 内容清单
detail-collection-name = 集合名称
detail-boto-missing = 缺少 boto3：请安装 dangan[office]
detail-credentials-open = 他人可以读取凭据：chmod 600
detail-credentials-file = 凭据文件
detail-storage-endpoint = endpoint 不是有效地址
detail-name-twice = 名称重复
detail-place-twice = 同一个存储位置用了两个名称
detail-name-equals-value = 格式为 NAME=VALUE
detail-public-and-role = 请给出 PUBLIC 和 --role，或 --request
detail-held-still = { $records } 条记录，{ $grants } 项授权
detail-key-is-old = 该密钥就是旧密钥
detail-too-large = 文件过大
detail-no-records = 没有档案
detail-nothing-destroyed-there = 没有销毁标记
detail-a-live-page = 现用的密钥页
detail-an-old-key-page = 旧的密钥页
detail-incident-changing = 事件一直在变动
detail-of-request = 申请
detail-of-period = 期限
detail-of-signatures = 签名
