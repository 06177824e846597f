package rule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var invalidReference = finding.Kind{
	Code: "content/invalid-reference", ID: "CNT-08",
	Title:    "The image reference cannot be parsed",
	Severity: finding.Error,
	Stops:    true,
	Text:     "{image} is no image reference: {why}{then}",
	Variants: map[string]finding.Variant{
		"character": {Text: "{image} is no image reference: it holds {what}{then}"},
		"scheme":    {Text: "{image} is no image reference: it begins with {scheme}{then}"},
		"tag":       {Text: "{image} is no image reference: it ends with a colon, and the tag is missing{then}"},
		"no-digest": {Text: "{image} is no image reference: {digest} is no digest; one is sha256: and 64 hexadecimal digits{then}"},
		"digest":    {Text: "{image} is no image reference: a {algorithm} digest has {want} hexadecimal digits, this one {got}"},
		"case":      {Text: "{image} is no image reference: the repository is written in lower case{then}"},
		"id":        {Text: "{image} is the ID of an image and no name that can be pulled: write the repository, @sha256: and the digest of its manifest"},
	},
	Doc: "No registry is asked: the kubelet, the runtime and every other client refuse to read the name, and the pod says InvalidImageName. " +
		"A reference is `[host[:port]/]repository[:tag][@digest]`: without `https://`, the repository in lower case, a tag after each colon, 64 digits after `sha256:`. " +
		"Characters that cannot be seen come with text that was copied from a web page or a chat; `$` and `{{` are a template that nobody filled in. Correct it where it is written, in the pod or in its chart.",
}

// longest is how much of a reference is repeated to its writer. Characters.
const longest = 120

func findInvalidReference(s *snapshot.Snapshot) []finding.Finding {
	if s.Image == "" {
		return nil
	}
	_, err := route.ParseRef(s.Image)
	if err == nil {
		return nil
	}
	why := parserSays(err)
	variant, args := mistake(s.Image)
	args["image"], args["why"], args["then"] = shown(s.Image), why, ""
	if right := corrected(s.Image); right != "" {
		args["then"] = "; write " + right
	}
	f := invalidReference.Vary(variant, "image", args)
	f.Stage = "node"
	return []finding.Finding{f.Saw(why, shown(s.Image), "crictl pull "+shellWord(s.Image))}
}

// parserSays is what the parser of references objects to, without the reference.
func parserSays(err error) string {
	text := err.Error()
	if i := strings.Index(text, `": `); i >= 0 {
		text = text[i+3:]
	}
	text, _, _ = strings.Cut(text, "; ")
	return strings.Join(strings.Fields(text), " ")
}

var (
	scheme  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	imageID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	hexText = regexp.MustCompile(`^[0-9a-f]+$`)
)

// digits is how many hexadecimal digits a digest has, by algorithm.
var digits = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

// mistake names what is wrong with a reference that cannot be parsed; "": only
// the parser knows.
func mistake(image string) (variant string, args finding.Args) {
	if found := scheme.FindString(image); found != "" {
		return "scheme", finding.Args{"scheme": found}
	}
	if what := foreign(image); what != "" {
		return "character", finding.Args{"what": what}
	}
	name, digest, has := strings.Cut(image, "@")
	if has {
		return badDigest(digest)
	}
	switch {
	case imageID.MatchString(image):
		return "id", finding.Args{}
	case strings.HasSuffix(name, ":"):
		return "tag", finding.Args{}
	case lowered(name) != name && parses(lowered(name)):
		return "case", finding.Args{}
	}
	return "", finding.Args{}
}

func badDigest(digest string) (string, finding.Args) {
	algorithm, hex, _ := strings.Cut(digest, ":")
	want, known := digits[algorithm]
	switch {
	case !known, !hexText.MatchString(hex):
		return "no-digest", finding.Args{"digest": shown(digest)}
	case len(hex) != want:
		return "digest", finding.Args{"algorithm": algorithm, "want": want, "got": len(hex)}
	}
	return "", finding.Args{} // the name before it is wrong
}

// foreign describes the first character that no reference may hold.
func foreign(image string) string {
	for i, r := range image {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/:@+[]", r)):
			continue
		case r == utf8.RuneError && !strings.HasPrefix(image[i:], string(utf8.RuneError)):
			return fmt.Sprintf("the byte 0x%02X, which is no character", image[i])
		case r == ' ':
			return "a space"
		case r == '\n' || r == '\r':
			return "the end of a line"
		case !unicode.IsGraphic(r) || unicode.IsSpace(r):
			return fmt.Sprintf("%U, which cannot be seen", r)
		case r >= utf8.RuneSelf:
			return fmt.Sprintf("%q (%U), which no reference may hold", r, r)
		}
		return strconv.Quote(string(r)) + ", which no reference may hold"
	}
	return ""
}

// corrected is the reference that was most likely meant; empty: none is evident.
func corrected(image string) string {
	meant := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, image)
	if fields := strings.Fields(image); len(fields) > 1 {
		return "" // two words: which of them?
	}
	meant = strings.TrimRight(scheme.ReplaceAllString(strings.Trim(meant, `"'`), ""), "/:")
	for _, try := range []string{meant, lowered(meant)} {
		if try != image && len(try) <= longest && parses(try) {
			return try
		}
	}
	return ""
}

// lowered is a reference with its name in lower case; tags may have capitals.
func lowered(image string) string {
	end := len(image)
	if i := strings.IndexByte(image, '@'); i >= 0 {
		end = i
	}
	if i := strings.LastIndexByte(image[:end], ':'); i > strings.LastIndexByte(image[:end], '/') {
		end = i
	}
	return strings.ToLower(image[:end]) + image[end:]
}

func parses(image string) bool {
	_, err := route.ParseRef(image)
	return err == nil
}

// shown is a reference as it can be printed: quoted, in ASCII, not too long.
func shown(image string) string {
	if r := []rune(image); len(r) > longest {
		return strconv.QuoteToASCII(string(r[:longest])) + "…"
	}
	return strconv.QuoteToASCII(image)
}

// shellWord is a word for bash, whatever it holds, on one line.
func shellWord(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return quote(s)
	}
	q := strconv.QuoteToASCII(s)
	return "$'" + strings.ReplaceAll(q[1:len(q)-1], "'", `\'`) + "'"
}
