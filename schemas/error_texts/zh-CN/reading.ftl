DG-ACC-020 = 收集该档案时未向客户告知此用途，客户此后也未同意此用途。
    .next-step = 先取得客户对此用途的同意，并通过写明该用途的收集予以登记。
DG-ACC-021 = 该字段没有检索索引。
    .next-step = 请按已建索引的字段检索；policies/catalogue.toml 中以 index = true 标明。
DG-ACC-022 = 该授权不允许复制、摘录、打印或导出。
    .next-step = 请在屏幕上查阅，或申请允许复制的授权。
DG-ACC-023 = 一分钟内的查询次数过多。
    .next-step = 请等一分钟再查询；上限见 reading.per_minute。
DG-ACC-024 = 今天查询的档案数量超过一名使用者的上限。
    .next-step = 请明天继续，或请规则负责人修改 reading.records_per_day。
DG-ACC-025 = 这不是本档案系统的水印，或者已被改动。
    .next-step = 请从摘录件上重新抄录：56 个字母和数字。
DG-ACC-026 = 水印的形式是真实的，但审计流中没有与之对应的答复。
    .next-step = 用 --in 给出当时的导出文件，或检查是否读取了完整的审计流。
DG-ACC-027 = 要保存的文件已经存在。
    .next-step = 请另取文件名；摘录件从不覆盖。
DG-ACC-028 = 摘录件只能保存为 .csv、.json、.xlsx、.html 或 .pdf。
    .next-step = 请使用上述扩展名之一。
