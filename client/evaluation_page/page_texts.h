// Texts that are embedded at build time (embed_texts.cmake).
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_PAGE_TEXTS_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_PAGE_TEXTS_H_

namespace likeness {

// Chart.js, as one script that defines `Chart`, and its licence.
extern const char kChartLibrary[];
extern const char kChartLicence[];
// page.js and page.css.
extern const char kPageScript[];
extern const char kPageStyle[];

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_PAGE_TEXTS_H_
