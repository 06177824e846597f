package candidate

import "github.com/towpath-dev/towpath/internal/finding"

// Kinds are the findings of a comparison.
var Kinds = []finding.Kind{unfit, otherImage, stale, incomplete, noRanges, unanswered}

var unfit = finding.Kind{
	Code: "mirror/unfit", ID: "MM-01", Severity: finding.Warning,
	Title: "A host cannot be used as a mirror",
	Text:  "{mirror}: {why}",
	Doc: "`towpath mirrors` asks every candidate for the root of the registry API, for the chosen tags and for a layer. A host that " +
		"cannot be reached, whose certificate is not trusted, that is no registry, that wants credentials that are not there or " +
		"whose bytes are not what their digest says is not ranked. With `--write` it is added to no configuration, and one that is " +
		"configured already stays behind the others unless `--prune` takes it out.",
}

var otherImage = finding.Kind{
	Code: "mirror/other-image", ID: "MM-02", Severity: finding.Error,
	Title: "A mirror has another image under a tag",
	Text:  "{mirror} has {got} under {image}, and the registry itself {want}",
	Doc: "A tag has to mean the same at a mirror and at the registry. Here the mirror's image is another one, and not one that is " +
		"merely older. Nothing protects a pull by tag from that: the runtime takes what the first host says. Do not use the mirror, " +
		"or pull by digest.",
}

var stale = finding.Kind{
	Code: "mirror/stale", ID: "MM-03", Severity: finding.Warning,
	Title: "A mirror is behind the registry",
	Text:  "{mirror} has an image under {image} that is {age} older than the registry's own",
	Doc: "The mirror answers with an older image than the registry has under the same tag. Pull-through caches do that until they " +
		"ask again. Security updates come later by as much. Shorten the time that the mirror keeps tags, or let it serve digests " +
		"only: `capabilities = [\"pull\"]` in hosts.toml.",
}

var incomplete = finding.Kind{
	Code: "mirror/incomplete", ID: "MM-04", Severity: finding.Info,
	Title: "A mirror lacks an image",
	Text:  "{mirror} does not have {image}",
	Doc:   "The runtime goes on to the next host then, which costs one request. A mirror that lacks everything is of no use.",
	Variants: map[string]finding.Variant{
		"index": {Text: "{mirror} has {image} in another index: for this platform it is the same image, and a pull by the digest of the registry's index fails there"},
		"told":  {Text: "{mirror} does not tell what {image} is: {why}"},
	},
}

var noRanges = finding.Kind{
	Code: "mirror/no-ranges", ID: "MM-05", Severity: finding.Info,
	Title: "A mirror gives no parts of a blob",
	Text:  "{mirror} answers a request for a part of a blob with all of it",
	Doc: "A download that breaks off can only be resumed with ranges: a request with `Range` that is answered by 206, a matching " +
		"`Content-Range` and the right bytes. Lazy pulling (stargz, SOCI) needs them always.",
	Variants: map[string]finding.Variant{
		"refused": {Text: "{mirror} refuses a request for a part of a blob"},
		"wrong":   {Text: "{mirror} answers a request for a part of a blob with another part"},
	},
}

var unanswered = finding.Kind{
	Code: "mirror/no-comparison", ID: "MM-06", Severity: finding.Warning,
	Title: "The registry itself could not be compared with",
	Text:  "{registry} does not say what {image} is, so nothing tells whether the mirrors are right: {why}",
	Doc: "Only the registry itself knows what a tag means. Where it cannot be asked, mirrors are ranked without knowing whether " +
		"they are behind or wrong. Run `towpath mirrors` where the registry can be reached, or give credentials for it.",
}
